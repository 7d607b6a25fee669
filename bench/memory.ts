/**
 * Memory over many requests: `deno run -A bench/memory.ts [CASE] [WORKERS] [THREADS] [REQUESTS]`
 *
 * Pss of each of denicorn's processes after 100,000 and 1,000,000 requests (h2load over HTTP/1.1, 64
 * connections) and some marks between, so that what grows is seen; with REQUESTS on to as many.
 * Default: hello, one worker, one thread.
 */

import { CASES, probeBody } from "./table/cases.ts";
import { processPss, treePids, treePss } from "./support/cpu.ts";
import { PEERS } from "./table/peers.ts";
import { markdownTable } from "./table/report.ts";
import { freePort, Server } from "./support/server.ts";

const MARKS = [1_000, 100_000, 250_000, 500_000, 750_000, 1_000_000];

const [name = "hello", workers = "1", threads = "1", requests = "1000000"] = Deno.args;
const marks = MARKS.filter((mark) => mark <= Number(requests));
while (marks.at(-1)! + 1_000_000 <= Number(requests)) marks.push(marks.at(-1)! + 1_000_000);
const what = CASES.find((each) => each.name === name);
const peer = PEERS.find((each) =>
  each.own && each.kind === what?.kind && each.workers === Number(workers) &&
  each.threads === Number(threads)
);
if (!what || !peer) {
  console.error(`No case "${name}" with ${workers} workers of ${threads} threads; see cases.ts`);
  Deno.exit(2);
}

async function request(url: string, count: number): Promise<void> {
  const body = probeBody(what!);
  const file = body === null ? null : await Deno.makeTempFile();
  try {
    if (file !== null) await Deno.writeTextFile(file, body!);
    const { success, stdout } = await new Deno.Command("h2load", {
      args: ["--h1", "-n", `${count}`, "-c", "64", ...(file === null ? [] : ["-d", file]), url],
      stdout: "piped",
      stderr: "null",
    }).output();
    const text = new TextDecoder().decode(stdout);
    if (!success || !text.includes(`${count} succeeded, 0 failed, 0 errored, 0 timeout`)) {
      throw new Error(`h2load had failures:\n${text}`);
    }
  } finally {
    if (file !== null) await Deno.remove(file);
  }
}

const port = freePort();
const url = `http://127.0.0.1:${port}${what.path}`;
await using server = new Server(peer.command(what, port));
await server.ready(url, what);
const megabytes = (bytes: number) => (bytes / 1e6).toFixed(1);
const rows: string[][] = [];
const pids = treePids(server.pid);
const measure = (requests: number) =>
  rows.push([
    requests.toLocaleString("en-US"),
    megabytes(treePss(server.pid)),
    pids.map((pid) => megabytes(processPss(pid))).join(" + "),
  ]);
measure(0);
let done = 0;
for (const mark of marks) {
  await request(url, mark - done);
  done = mark;
  measure(done);
}
console.log(`${name}, ${workers} workers × ${threads} threads, MB (Pss) after so many requests`);
console.log(markdownTable(["requests", "all", "manager + procs"], rows));
