/** Many trials to one row: medians, spread, noise; and what is compared with what. */

import type { Case } from "./cases.ts";
import type { Peer } from "./peers.ts";
import type { Trial } from "./trial.ts";

/** The medians of one server's trials with one app. */
export interface Row {
  readonly peer: Peer;
  readonly trials: number;
  readonly requestsPerSecond: number;
  readonly cpuMicros: number;
  readonly p50: number;
  readonly p99: number;
  readonly pss: number;
  /** Of all trials together. */
  readonly errors: number;
  /** (largest − smallest) / median of the CPU per request. */
  readonly spread: number;
  /** The largest share of the machine that others took during a trial. */
  readonly foreign: number;
}

/** One case with its rows, and what could not be measured with the reason. */
export interface Table {
  readonly what: Case;
  readonly rows: readonly Row[];
  readonly missing: readonly { readonly peer: Peer; readonly reason: string }[];
}

/** Above this a figure says as much about the neighbours as about the server. */
export const NOISY_FOREIGN_SHARE = 0.1;

export function median(values: readonly number[]): number {
  if (values.length === 0) throw new Error("Cannot take the median of nothing");
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

export function summarize(peer: Peer, trials: readonly Trial[]): Row {
  const of = (key: keyof Trial) => trials.map((trial) => trial[key]);
  const cpu = of("cpuMicros");
  return {
    peer,
    trials: trials.length,
    requestsPerSecond: median(of("requestsPerSecond")),
    cpuMicros: median(cpu),
    p50: median(of("p50")),
    p99: median(of("p99")),
    pss: median(of("pss")),
    errors: of("errors").reduce((sum, errors) => sum + errors, 0),
    spread: (Math.max(...cpu) - Math.min(...cpu)) / median(cpu),
    foreign: Math.max(...of("foreign")),
  };
}

/** The peer that a table's ratios refer to. */
export function baseName({ kind }: Case): string {
  return kind === "fetch" ? "Deno.serve" : "gunicorn gthread";
}

/** The base of `row`: of the same number of workers where there is one, else the one with a worker. */
export function baseOf(table: Table, row: Row): Row | undefined {
  const bases = table.rows.filter(({ peer }) => peer.name === baseName(table.what));
  return bases.find(({ peer }) => peer.workers === row.peer.workers) ?? bases[0];
}

/** denicorn's row with these workers and threads. */
export function ownRow(table: Table, workers: number, threads: number): Row | undefined {
  return table.rows.find(({ peer }) =>
    peer.own && peer.workers === workers && peer.threads === threads
  );
}

/** Below this a difference is noise, not a loss. */
const LOSS_MARGIN = 1.05;

/** Where denicorn, one thread per worker (its default), is worse than a peer with as many workers. */
export function losses({ what, rows }: Table): string[] {
  const found: string[] = [];
  const measures: readonly [string, (own: Row, peer: Row) => number][] = [
    ["the CPU per request", (own, peer) => own.cpuMicros / peer.cpuMicros],
    [
      "the time per request (requests/s)",
      (own, peer) => peer.requestsPerSecond / own.requestsPerSecond,
    ],
    ["p99", (own, peer) => own.p99 / peer.p99],
    ["the memory", (own, peer) => own.pss / peer.pss],
  ];
  for (const own of rows.filter(({ peer }) => peer.own && peer.threads === 1)) {
    for (
      const peer of rows.filter((row) => !row.peer.own && row.peer.workers === own.peer.workers)
    ) {
      const worse = measures.flatMap(([name, ratio]) => {
        const times = ratio(own, peer);
        return times > LOSS_MARGIN ? [`${times.toFixed(2)} times ${name}`] : [];
      });
      if (worse.length === 0) continue;
      const workers = own.peer.workers === 1 ? "1 worker" : `${own.peer.workers} workers`;
      found.push(`${what.title}, ${workers}, against ${peer.peer.name}: ${worse.join(", ")}.`);
    }
  }
  return found;
}
