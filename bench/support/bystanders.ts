/** What an attack does to others: their latency, measured beside it and without it in turns. */

import type { Watch, Watched } from "./bystander_worker.ts";
import { median } from "../table/summary.ts";

const CONNECTIONS = 20;
const INTERVAL_MS = 50;

/** Answers that failed, and the 99th percentile of the others, milliseconds. */
export interface Latency {
  readonly p99: number;
  readonly failed: number;
}

/** Twenty clients ask 400 times a second in all, each over a connection that it keeps. */
export async function watch(
  port: number,
  seconds: number,
  certificate: string | null = null,
): Promise<Latency> {
  const worker = new Worker(new URL("bystander_worker.ts", import.meta.url), { type: "module" });
  try {
    const answer = new Promise<Watched>((resolve) => {
      worker.onmessage = ({ data }: MessageEvent<Watched>) => resolve(data);
    });
    const options = { connections: CONNECTIONS, intervalMs: INTERVAL_MS };
    worker.postMessage({ port, certificate, seconds, ...options } satisfies Watch);
    const { times, failed } = await answer;
    return { p99: times[Math.floor(0.99 * times.length)] ?? Infinity, failed };
  } finally {
    worker.terminate();
  }
}

/** The medians of rounds of latencies without an attack and beside it, for one line of a report. */
export function compare(quiet: readonly Latency[], attacked: readonly Latency[]): string {
  const ratios = attacked.map(({ p99 }, i) => p99 / quiet[i]!.p99);
  const of = (list: readonly Latency[]) => median(list.map(({ p99 }) => p99)).toFixed(2);
  const failed = [...quiet, ...attacked].reduce((sum, it) => sum + it.failed, 0);
  return `others' p99 ${of(quiet)} ms without, ${of(attacked)} ms beside it: ` +
    `${median(ratios).toFixed(2)} times (${ratios.map((it) => it.toFixed(2)).join(", ")}), ` +
    `${failed} of their requests failed`;
}
