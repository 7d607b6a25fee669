/** What crosses between a process and the thread of its hooks. */

import type { HookName } from "./hooks.ts";

/** To the thread. First its start; then calls, several in one message where there are many. */
export type ToHooks =
  | { readonly type: "load"; readonly module: string }
  | { readonly type: "calls"; readonly calls: readonly HookCall[] };

export interface HookCall {
  /** To be told when it has ended; 0 where nobody waits. */
  readonly id: number;
  readonly name: HookName;
  readonly args: readonly unknown[];
}

/** From the thread. */
export type FromHooks =
  | { readonly type: "loaded"; readonly names: readonly HookName[] }
  | { readonly type: "load_failed"; readonly error: string }
  /** So many calls were taken in and begun. */
  | { readonly type: "taken"; readonly count: number }
  | { readonly type: "ended"; readonly id: number }
  /** A hook threw; `name` is null for an error outside of any. */
  | { readonly type: "failed"; readonly name: HookName | null; readonly error: string };
