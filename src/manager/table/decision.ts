/** What the table wants done. The manager does it; the table has already noted it as done. */

import type { DrainReason } from "../../protocol/control/control.ts";
import type { Failure } from "./failure.ts";

export type Decision =
  /** Start proc `id` with the configuration of `generation`. */
  | {
    readonly type: "spawn";
    readonly id: number;
    readonly generation: number;
    readonly replaces: number | null;
    readonly why: string;
  }
  /** Its turn to bind and accept. */
  | { readonly type: "listen"; readonly id: number }
  /** Let it finish what it has, then go. */
  | {
    readonly type: "drain";
    readonly id: number;
    readonly reason: DrainReason;
    readonly lingerMs: number;
    readonly why: string;
  }
  /** Let it go now. */
  | { readonly type: "stop"; readonly id: number }
  /** SIGKILL. `why` is null where nothing is wrong with it. */
  | { readonly type: "kill"; readonly id: number; readonly why: string | null }
  /** The canary is ready: `generation` is the configuration from now on. */
  | { readonly type: "reload_committed"; readonly generation: number; readonly outdated: number }
  /** The canary failed: all stays as it was. */
  | { readonly type: "reload_abandoned"; readonly generation: number; readonly failure: Failure }
  /** Give up: end with this error. Nothing is decided after it but the end of every proc. */
  | { readonly type: "fail"; readonly failure: Failure };

/** How everything ends. graceful: finish what is in flight. quick: cut it. now: kill. */
export type StopMode = "graceful" | "quick" | "now";
