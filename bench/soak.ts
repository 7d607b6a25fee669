/**
 * Long load, then a stop in the middle of it: `deno run -A bench/soak.ts [MINUTES]`
 *
 * wrk with 256 connections on the Hono app, 2 workers with 2 threads, in slices of 10 s with memory
 * and descriptors after each; then TERM while clients open a connection for each request. A request
 * is lost when its connection was accepted and no whole answer came. Exit 1 on any error or loss.
 */

import { CASES } from "./table/cases.ts";
import { treePids, treePss } from "./support/cpu.ts";
import { runWrk } from "./support/load.ts";
import { PEERS } from "./table/peers.ts";
import { freePort, Server } from "./support/server.ts";

const CONNECTIONS = 256;
const SLICE_SECONDS = 10;
/** Clients that go on asking while the server stops. */
const CLIENTS = 32;
const LOAD_BEFORE_STOP_MS = 1_000;
/** A client that still waits then counts as lost. */
const ANSWER_TIMEOUT_MS = 15_000;

const minutes = Number(Deno.args[0] ?? 1);
const what = CASES.find(({ name }) => name === "hono")!;
const peer = PEERS.find(({ own, kind, workers, threads }) =>
  own && kind === "fetch" && workers === 2 && threads === 2
)!;

function descriptors(root: number): number {
  return treePids(root).reduce(
    (sum, pid) => sum + [...Deno.readDirSync(`/proc/${pid}/fd`)].length,
    0,
  );
}

type Outcome = "answered" | "refused" | "lost";

/** One request over a connection of its own. */
async function askOnce(port: number): Promise<Outcome> {
  let connection: Deno.TcpConn;
  try {
    connection = await Deno.connect({ hostname: "127.0.0.1", port });
  } catch {
    return "refused";
  }
  const timer = setTimeout(() => connection.close(), ANSWER_TIMEOUT_MS);
  try {
    const request = `GET ${what.path} HTTP/1.1\r\nHost: soak\r\nConnection: close\r\n\r\n`;
    await connection.write(new TextEncoder().encode(request));
    const answer = await new Response(connection.readable).text();
    return /^HTTP\/1.1 200 /.test(answer) && answer.endsWith(what.begin) ? "answered" : "lost";
  } catch {
    return "lost";
  } finally {
    clearTimeout(timer);
  }
}

const port = freePort();
const url = `http://127.0.0.1:${port}${what.path}`;
const server = new Server(peer.command(what, port));
let errors = 0;
try {
  await server.ready(url, what);
  for (let left = minutes * 60; left > 0; left -= SLICE_SECONDS) {
    const seconds = Math.min(SLICE_SECONDS, Math.ceil(left));
    const report = await runWrk({ url, seconds, connections: CONNECTIONS });
    const bad = report.badStatus + report.connectErrors + report.timeouts + report.closed;
    errors += bad;
    console.log(
      `${Math.round(report.requestsPerSecond)} requests/s, p99 ${report.p99} ms, ${bad} errors, ` +
        `${(treePss(server.pid) / 1e6).toFixed(0)} MB, ${descriptors(server.pid)} descriptors`,
    );
  }

  const counts: Record<Outcome, number> = { answered: 0, refused: 0, lost: 0 };
  const client = async () => {
    for (let outcome: Outcome = "answered"; outcome !== "refused"; counts[outcome]++) {
      outcome = await askOnce(port);
    }
  };
  const clients = Array.from({ length: CLIENTS }, client);
  await new Promise((resolve) => setTimeout(resolve, LOAD_BEFORE_STOP_MS));
  const answeredBefore = counts.answered;
  const begin = performance.now();
  const code = await server.stop();
  await Promise.all(clients);
  console.log(
    `TERM under load: ${answeredBefore} answered before, ${
      counts.answered - answeredBefore
    } after, ` +
      `${counts.lost} lost; exit code ${code} after ${Math.round(performance.now() - begin)} ms`,
  );
  if (code !== 0) errors++;
  errors += counts.lost;
} finally {
  await server.stop();
}
if (errors > 0) Deno.exit(1);
