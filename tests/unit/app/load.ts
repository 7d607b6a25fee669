/**
 * Loads apps, each in a thread of its own, as in the server: loading replaces Deno.serve, and what a module
 * does at its top level cannot be undone.
 */

import { assertEquals } from "@std/assert";
import type { LoadReport, LoadRequest } from "../../apps/loader.ts";

const LOADER = new URL("../../apps/loader.ts", import.meta.url);

/** Loads `source` as an app in a fresh thread, and sends it one request for each of `paths`. */
export async function load(
  source: string,
  init: { suffix?: string; paths?: string[]; addr?: Deno.NetAddr; file?: string } = {},
): Promise<LoadReport> {
  const dir = await Deno.makeTempDir();
  const file = `${dir}/${init.file ?? "app.ts"}`;
  await Deno.writeTextFile(file, source);
  const thread = new Worker(LOADER, { type: "module" });
  try {
    const request: LoadRequest = {
      specifier: file + (init.suffix ?? ""),
      addr: init.addr ?? { transport: "tcp", hostname: "127.0.0.1", port: 4567 },
      paths: init.paths ?? ["/"],
    };
    const { promise, resolve, reject } = Promise.withResolvers<LoadReport>();
    thread.onmessage = ({ data }) => resolve(data);
    thread.onerror = (event) => {
      event.preventDefault();
      reject(new Error(event.message));
    };
    thread.postMessage(request);
    const report = await promise;
    const told = JSON.parse(JSON.stringify(report).replaceAll(dir, "DIR"));
    // Whether the thread is started soon enough is the machine's affair.
    if (request.paths[0] !== "?warning") {
      told.log = told.log.filter((line: string) =>
        !/ Still waiting for .* to be loaded:/.test(line)
      );
    }
    return told;
  } finally {
    thread.terminate();
    await Deno.remove(dir, { recursive: true });
  }
}

/** A test: `source` is loaded without an error, and gives these answers. */
export const ok =
  (source: string, init: Parameters<typeof load>[1], answers: string[]) => async () => {
    const report = await load(source, init);
    assertEquals(report.error, null);
    assertEquals(report.answers, answers);
  };
