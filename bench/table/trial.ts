/** One trial: a server started, warmed up, measured under load, and stopped. */

import type { Case } from "./cases.ts";
import { machineBusySeconds, treeCpuSeconds, treePss } from "../support/cpu.ts";
import { runWrk } from "../support/load.ts";
import { labelOf, type Peer } from "./peers.ts";
import { freePort, Server } from "../support/server.ts";

/** What one trial found. */
export interface Trial {
  readonly requestsPerSecond: number;
  /** CPU of the server's whole tree for each answer, microseconds. */
  readonly cpuMicros: number;
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
  /** Bytes, right after the load. */
  readonly pss: number;
  /** Answers that were no success, failed connects and time-outs. */
  readonly errors: number;
  /** Share of the machine's CPU that others took meanwhile, 0 to 1. */
  readonly foreign: number;
}

export interface TrialOptions {
  readonly seconds: number;
  readonly warmUpSeconds: number;
  readonly connections: number;
}

/** Runs one trial of `what` on `peer`. Throws where the server does not start or does not answer. */
export async function runTrial(peer: Peer, what: Case, options: TrialOptions): Promise<Trial> {
  const port = freePort();
  const url = `http://127.0.0.1:${port}${what.path}`;
  const { seconds, warmUpSeconds, connections } = options;
  const load = { url, connections, script: what.script };
  await using server = new Server(peer.command(what, port));
  await server.ready(url, what);
  await runWrk({ ...load, seconds: warmUpSeconds });

  const before = { tree: treeCpuSeconds(server.pid), ours: treeCpuSeconds(Deno.pid) };
  const busyBefore = machineBusySeconds();
  const report = await runWrk({ ...load, seconds });
  const busy = machineBusySeconds() - busyBefore;
  const cpu = treeCpuSeconds(server.pid) - before.tree;
  // The benchmark's own tree holds the server, wrk and itself; what else was busy is foreign.
  const ours = treeCpuSeconds(Deno.pid) - before.ours;

  if (report.requests === 0) throw new Error(`${labelOf(peer)} answered nothing under load`);
  return {
    requestsPerSecond: report.requestsPerSecond,
    cpuMicros: cpu * 1e6 / report.requests,
    p50: report.p50,
    p99: report.p99,
    pss: treePss(server.pid),
    errors: report.badStatus + report.connectErrors + report.timeouts,
    foreign: Math.max(0, busy - ours) / (report.seconds * navigator.hardwareConcurrency),
  };
}
