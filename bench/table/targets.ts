/** What denicorn must reach in one run of the benchmark, and whether it did. */

import type { Case } from "./cases.ts";
import { ownRow, type Row, type Table } from "./summary.ts";

export interface Target {
  readonly what: Case["name"];
  readonly title: string;
  readonly limit: number;
  /** Whether the figure has to be at most or at least the limit. */
  readonly sense: "at most" | "at least";
  /** The figure; undefined where a row that it needs was not measured. */
  figure(table: Table): number | undefined;
}

export interface Verdict {
  readonly target: Target;
  readonly figure: number;
  readonly reached: boolean;
}

const peerRow = (table: Table, name: string, workers: number): Row | undefined =>
  table.rows.find(({ peer }) => peer.name === name && peer.workers === workers);

const ratio = (over: number | undefined, under: number | undefined): number | undefined =>
  over === undefined || under === undefined ? undefined : over / under;

/** CPU of denicorn with `workers` and `threads`, in shares of a peer's. */
function cpuShare(workers: number, threads: number, peer: string, peerWorkers = workers) {
  return (table: Table) =>
    ratio(
      ownRow(table, workers, threads)?.cpuMicros,
      peerRow(table, peer, peerWorkers)?.cpuMicros,
    );
}

/** Requests/s of denicorn, in multiples of a peer's. */
function rateShare(workers: number, threads: number, peer: string) {
  return (table: Table) =>
    ratio(
      ownRow(table, workers, threads)?.requestsPerSecond,
      peerRow(table, peer, workers)?.requestsPerSecond,
    );
}

const GTHREAD = "gunicorn gthread";

const kept = (what: Case["name"]): Target[] => [
  {
    what,
    title: "CPU, 1 worker with 4 threads / uWSGI http11-socket",
    limit: 1,
    sense: "at most",
    figure: cpuShare(1, 4, "uWSGI http11-socket"),
  },
  {
    what,
    title: "CPU, 1 worker with 4 threads / uWSGI http router",
    limit: 1,
    sense: "at most",
    figure: cpuShare(1, 4, "uWSGI http router"),
  },
];

export const TARGETS: readonly Target[] = [
  {
    what: "hello",
    title: "CPU, 1 worker with 1 thread / Deno.serve",
    limit: 1.6,
    sense: "at most",
    figure: cpuShare(1, 1, "Deno.serve"),
  },
  {
    what: "hello",
    title: "CPU, 1 worker with 1 thread / Node cluster",
    limit: 1,
    sense: "at most",
    figure: cpuShare(1, 1, "Node cluster"),
  },
  {
    what: "hello",
    title: "CPU, inline / Deno.serve",
    limit: 1.15,
    sense: "at most",
    figure: cpuShare(1, 0, "Deno.serve"),
  },
  {
    what: "hello",
    title: "p99 in ms, 1 worker with 1 thread",
    limit: 3,
    sense: "at most",
    figure: (table) => ownRow(table, 1, 1)?.p99,
  },
  ...[1, 2].flatMap((workers): Target[] => [
    {
      what: "wsgi-hello",
      title: `CPU, ${workers} × 4 threads / gunicorn gthread`,
      limit: 0.2,
      sense: "at most",
      figure: cpuShare(workers, 4, GTHREAD),
    },
    {
      what: "wsgi-body",
      title: `CPU, ${workers} × 4 threads / gunicorn gthread`,
      limit: 0.35,
      sense: "at most",
      figure: cpuShare(workers, 4, GTHREAD),
    },
  ]),
  {
    what: "wsgi-hello",
    title: "requests/s, 1 worker with 4 threads / gunicorn gthread",
    limit: 4,
    sense: "at least",
    figure: rateShare(1, 4, GTHREAD),
  },
  ...kept("wsgi-hello"),
  ...kept("wsgi-body"),
  {
    what: "flask",
    title: "requests/s, 2 workers with 4 threads / gunicorn gthread",
    limit: 1.5,
    sense: "at least",
    figure: rateShare(2, 4, GTHREAD),
  },
];

/** The verdict on every target whose figures `tables` have. */
export function judge(tables: readonly Table[], targets: readonly Target[] = TARGETS): Verdict[] {
  return targets.flatMap((target) => {
    const table = tables.find(({ what }) => what.name === target.what);
    const figure = table && target.figure(table);
    if (figure === undefined) return [];
    const reached = target.sense === "at most" ? figure <= target.limit : figure >= target.limit;
    return [{ target, figure, reached }];
  });
}
