/** One proc as the table sees it: what is known of it, and no way to act on it. */

import type { DrainReason, ProcStats, ReplaceCause } from "../../protocol/control/control.ts";
import type { Failure } from "./failure.ts";

/**
 * booting: started, loads the app. loaded: waits for its turn to listen. listening: has been told to.
 * ready: serves. leaving: has been told to go, or goes by itself; its death is no surprise.
 */
export type ProcState = "booting" | "loaded" | "listening" | "ready" | "leaving";

/** Its own wish to be replaced. */
export interface ReplaceWish {
  readonly why: string;
  readonly cause: ReplaceCause;
}

const WEIGHT: Readonly<Record<ReplaceCause, number>> = { work: 0, age: 0, loss: 1, hang: 2 };

/** Whether a wish takes the place of the one before: of two that weigh alike the first stands. */
export function outweighs(wish: ReplaceWish, before: ReplaceWish | null): boolean {
  return before === null || WEIGHT[wish.cause] > WEIGHT[before.cause];
}

/** How a proc is to be let go. */
export interface Leave {
  readonly reason: DrainReason;
  /** It goes on accepting for so long, milliseconds. */
  readonly lingerMs: number;
  /** When it is killed, from now. */
  readonly withinMs: number;
  readonly why: string;
}

/** Times are milliseconds of one clock that only goes forward. */
export interface Proc {
  readonly id: number;
  /** Which configuration it runs, counted from 1; each reload makes a new one. */
  readonly generation: number;
  /** The proc that leaves as soon as this one is ready. */
  readonly replaces: number | null;
  startedAt: number;
  state: ProcState;
  readyAt: number | null;
  /** Last sign of life. */
  heardAt: number;
  /** Began to leave. */
  leftAt: number | null;
  /** To be killed then, whatever it does; Infinity while nothing is asked of it. */
  killAt: number;
  /** Not needed any more, and told so as soon as it listens. */
  dismissed: Leave | null;
  /** Told to end at once. */
  stopped: boolean;
  /** SIGKILL was sent. */
  killed: boolean;
  wish: ReplaceWish | null;
  stats: ProcStats | null;
  failure: Failure | null;
}

export function newProc(
  id: number,
  generation: number,
  replaces: number | null,
  now: number,
): Proc {
  return {
    id,
    generation,
    replaces,
    startedAt: now,
    state: "booting",
    readyAt: null,
    heardAt: now,
    leftAt: null,
    killAt: Infinity,
    dismissed: null,
    stopped: false,
    killed: false,
    wish: null,
    stats: null,
    failure: null,
  };
}
