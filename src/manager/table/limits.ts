/** How long things may take, and what it means that one took longer. */

import type { Config } from "../../config/config.ts";
import type { Proc } from "./proc.ts";
import type { CrashLimit } from "./respawn.ts";

/** The settings that the table heeds. */
export interface Limits {
  readonly workers: number;
  readonly bootTimeoutMs: number;
  readonly heartbeatTimeoutMs: number;
  readonly gracefulTimeoutMs: number;
  readonly crashes: CrashLimit;
}

export function limitsOf(config: Config): Limits {
  return {
    workers: config.workers,
    bootTimeoutMs: config.boot_timeout * 1000,
    heartbeatTimeoutMs: config.heartbeat_timeout * 1000,
    gracefulTimeoutMs: config.graceful_timeout * 1000,
    crashes: { rounds: config.crash_limit, withinMs: config.crash_window * 1000 },
  };
}

/** What a proc gets beyond its graceful timeout to say its last words, before it is killed. */
const DRAIN_MARGIN_MS = 2_000;
/** What a proc gets to end when told to end at once, or when it goes by itself. */
export const QUICK_MS = 2_000;
/** Within this time, a signal to several processes has reached them all. */
export const SIGNAL_SPREAD_MS = 200;
/** The next replacement waits at most so long for the last proc to be gone, so that memory does not double. */
export const REPLACE_GAP_MS = 2_000;

/** A proc that stands still, and so does not close its sockets, holds up those behind it for so long. */
export const DEPARTURE_MS = 1_500;

/** What a proc gets from the order to leave until it is killed. */
export function leaveWithinMs(limits: Limits, lingerMs: number): number {
  return lingerMs + limits.gracefulTimeoutMs + DRAIN_MARGIN_MS;
}

/** When a proc has to be killed unless something is heard of it. */
export function overdueAt(proc: Proc, limits: Limits): number {
  if (proc.killed) return Infinity;
  const silent = proc.readyAt === null
    ? proc.startedAt + limits.bootTimeoutMs
    : proc.heardAt + limits.heartbeatTimeoutMs;
  return Math.min(silent, proc.killAt);
}

/** Why a proc that is overdue is killed. */
export function overdueWhy(proc: Proc, limits: Limits, now: number): string {
  if (now >= proc.killAt) {
    return proc.state === "leaving"
      ? "it did not leave in the time it had"
      : "its control channel is gone";
  }
  return proc.readyAt === null
    ? `it was not ready within boot_timeout (${limits.bootTimeoutMs / 1000} s)`
    : `it gave no sign of life for heartbeat_timeout (${limits.heartbeatTimeoutMs / 1000} s)`;
}
