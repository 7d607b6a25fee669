/** A thread that loads one app and tells what came of it. */

import { AppLoadError } from "../../src/errors.ts";
import { createLog } from "../../src/log/record.ts";
import { loadFetchApp } from "../../src/app/fetch_app.ts";

export interface LoadRequest {
  readonly specifier: string;
  readonly addr: Deno.NetAddr;
  /**
   * What to do when it is loaded, in this order: "/path" asks and waits for the answer, "&/path" asks
   * and waits at the end, "!name" awaits the app's global function. "?warning" and a
   * text report when a record with that text comes, without waiting for the app.
   */
  readonly paths: readonly string[];
}

export interface LoadReport {
  readonly answers: readonly string[];
  readonly log: readonly string[];
  readonly error:
    | { readonly message: string; readonly trace: string; readonly exitCode: number }
    | null;
}

// Without the DOM's types, the thread's own names are not known to the compiler.
const thread = globalThis as unknown as {
  onmessage: (event: MessageEvent<LoadRequest>) => void;
  postMessage(report: LoadReport): void;
  [name: string]: unknown;
};

/** What the loader waits for before it says or does something takes this much less in tests. */
const FASTER = 20;
const { setTimeout } = globalThis;
globalThis.setTimeout =
  ((callback: () => void, ms = 0) => setTimeout(callback, ms / FASTER)) as typeof setTimeout;

const log: string[] = [];
const answers: string[] = [];

thread.onmessage = async ({ data: { specifier, addr, paths } }) => {
  const report = (error: LoadReport["error"]) => thread.postMessage({ answers, log, error });
  const logger = createLog("info", "thread", ({ level, message }) => {
    log.push(`${level} ${message}`);
    if (paths[0] === "?warning" && message.includes(paths[1]!)) report(null);
  });
  try {
    const handler = await loadFetchApp(specifier, logger, { addr });
    const info = {
      remoteAddr: { transport: "tcp", hostname: "192.0.2.1", port: 99 } as const,
      completed: Promise.resolve(),
    };
    const ask = async (path: string) => {
      const response = await handler(new Request(`http://app.test${path}`), info);
      answers.push(`${response.status} ${await response.text()}`);
    };
    const atTheEnd: Promise<void>[] = [];
    for (const path of paths) {
      if (path.startsWith("&")) atTheEnd.push(ask(path.slice(1)));
      else if (path.startsWith("!")) await (thread[path.slice(1)] as () => Promise<void>)();
      else await ask(path);
    }
    // What hangs on purpose is not waited for.
    if (!paths.includes("!stop")) await Promise.all(atTheEnd);
    report(null);
  } catch (error) {
    if (!(error instanceof AppLoadError)) throw error;
    report({ message: error.message, trace: error.trace, exitCode: error.exitCode });
  }
};
