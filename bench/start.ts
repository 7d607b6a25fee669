/**
 * From start to first answer: `deno run -A bench/start.ts [RUNS] [KIND]`
 *
 * The time between the start of the command and the first right answer over TCP, for denicorn and its
 * peers, median of RUNS (default 7); KIND is fetch, wsgi, or both without it. Code caches are warm:
 * each server is started once before.
 */

import { CASES } from "./table/cases.ts";
import { labelOf, type Peer, PEERS } from "./table/peers.ts";
import { markdownTable } from "./table/report.ts";
import { freePort, Server } from "./support/server.ts";
import { median } from "./table/summary.ts";

/** A slow server among many would make this endless. */
const MAX_RUNS = 50;

async function millisecondsToAnswer(peer: Peer): Promise<number> {
  const what = CASES.find(({ kind }) => kind === peer.kind)!;
  const port = freePort();
  const begin = performance.now();
  await using server = new Server(peer.command(what, port));
  await server.ready(`http://127.0.0.1:${port}${what.path}`, what);
  return performance.now() - begin;
}

const runs = Math.min(MAX_RUNS, Number(Deno.args[0] ?? 7));
const peers = PEERS.filter(({ kind }) => kind === (Deno.args[1] ?? kind));
const times = new Map(peers.map((peer) => [peer, [] as number[]]));
const failed = new Map<Peer, string>();
for (let run = 0; run <= runs; run++) {
  for (const [peer, list] of times) {
    if (failed.has(peer)) continue;
    try {
      const time = await millisecondsToAnswer(peer);
      if (run > 0) list.push(time); // the first one warms the caches
    } catch (error) {
      failed.set(peer, error instanceof Error ? error.message : String(error));
    }
  }
}
const measured = [...times].filter(([peer]) => !failed.has(peer));
console.log(markdownTable(
  ["server", "app", "ms to the first answer", "slowest"],
  measured.map(([peer, list]) => [
    labelOf(peer),
    peer.kind,
    median(list).toFixed(0),
    Math.max(...list).toFixed(0),
  ]),
));
for (const [peer, reason] of failed) console.log(`Not measured: ${labelOf(peer)} (${reason})`);
