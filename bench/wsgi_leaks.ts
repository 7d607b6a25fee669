/**
 * What stays behind of many WSGI requests: `deno run -A bench/wsgi_leaks.ts [REQUESTS] [KIND…]`
 *
 * For each kind of request (default: all, 1,000,000 each): Python's objects and allocated blocks after a
 * collection, and the proc's Pss, after a tenth of the requests and after all of them.
 */

import { processPss, treePids } from "./support/cpu.ts";
import { markdownTable } from "./table/report.ts";
import { freePort, Server } from "./support/server.ts";

/** At once, over connections that are kept where they can be. */
const CLIENTS = 32;
const UPLOAD_BYTES = 100_000;

/** How a kind of request is made, so many times. */
const KINDS: Readonly<Record<string, (url: string, count: number) => Promise<void>>> = {
  hello: (url, count) => ab(url + "/hello", count),
  page: (url, count) => ab(url + "/page", count),
  post: (url, count) => ab(url + "/post", count, "a=1&".repeat(250)),
  upload: (url, count) => ab(url + "/upload", count, "0123456789abcde\n".repeat(UPLOAD_BYTES / 16)),
  fail: (url, count) => ab(url + "/fail", count),
  aborted: (url, count) => abort(url, count),
};

const [count = "1000000", ...chosen] = Deno.args;
const requests = Number(count);
const kinds = chosen.length > 0 ? chosen : Object.keys(KINDS);

async function ab(url: string, count: number, body?: string): Promise<void> {
  const file = body === undefined ? null : await Deno.makeTempFile();
  try {
    if (file !== null) await Deno.writeTextFile(file, body!);
    const post = file === null ? [] : ["-p", file, "-T", "text/plain"];
    const { success, stderr } = await new Deno.Command("ab", {
      args: ["-k", "-q", "-n", `${count}`, "-c", `${CLIENTS}`, ...post, url],
      stdout: "null",
      stderr: "piped",
    }).output();
    if (!success) throw new Error(`ab failed:\n${new TextDecoder().decode(stderr)}`);
  } finally {
    if (file !== null) await Deno.remove(file);
  }
}

/** Clients that leave when the first bytes of a long response have come. */
async function abort(url: string, count: number): Promise<void> {
  const { hostname, port } = new URL(url);
  const request = new TextEncoder().encode("GET /stream HTTP/1.1\r\nHost: localhost\r\n\r\n");
  let left = count;
  const client = async () => {
    const buffer = new Uint8Array(4096);
    while (left-- > 0) {
      using connection = await Deno.connect({ hostname, port: Number(port) });
      await connection.write(request);
      await connection.read(buffer);
    }
  };
  await Promise.all(Array.from({ length: CLIENTS }, client));
}

/** The denicorn process that runs the app: with `workers: 1` the only child of the manager. */
function procOf(server: Server): number {
  return treePids(server.pid).find((pid) => pid !== server.pid)!;
}

async function look(url: string, server: Server): Promise<string[]> {
  const { objects, blocks } = await (await fetch(url + "/objects")).json();
  const pss = (processPss(procOf(server)) / 1e6).toFixed(1);
  return [objects.toLocaleString("en-US"), blocks.toLocaleString("en-US"), pss];
}

const rows: string[][] = [];
for (const kind of kinds) {
  const make = KINDS[kind];
  if (make === undefined) throw new Error(`No kind "${kind}"; there are ${Object.keys(KINDS)}`);
  const port = freePort();
  const url = `http://127.0.0.1:${port}`;
  await using server = new Server({
    program: "deno",
    args: [
      ...["run", "-A", "mod.ts", "-b", `127.0.0.1:${port}`, "-w", "1", "-t", "2"],
      ...["--chdir", "bench/apps", "--error-log", "/dev/null", "wsgi_leaks:application"],
    ],
  });
  await until(() => fetch(url + "/hello").then((response) => response.text()));
  const tenth = Math.ceil(requests / 10);
  await make(url, tenth);
  const early = await look(url, server);
  await make(url, requests - tenth);
  rows.push([kind, ...early, ...await look(url, server)]);
  console.error(rows.at(-1)!.join("  "));
}
const head = ["objects", "blocks", "Pss MB"];
console.log(markdownTable(
  [
    "",
    ...head.map((it) => `${it}, ${(requests / 10).toLocaleString("en-US")}`),
    ...head.map((it) => `${it}, ${requests.toLocaleString("en-US")}`),
  ],
  rows,
));

async function until(attempt: () => Promise<unknown>): Promise<void> {
  for (let tries = 0;; tries++) {
    try {
      await attempt();
      return;
    } catch (error) {
      if (tries === 200) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}
