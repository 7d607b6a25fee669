/** What the manager waits for: one queue, in the order in which things happened, with one reader. */

import type { Config } from "../config/config.ts";
import type { HeardOfProc } from "../protocol/control/control.ts";
import type { HookModule } from "./hooks.ts";
import type { ManagerSignal } from "./signals.ts";

export type ManagerEvent =
  | { readonly type: "signal"; readonly signal: ManagerSignal }
  | { readonly type: "message"; readonly id: number; readonly message: HeardOfProc }
  /** The control channel has ended; `error` says why where the proc did not simply go. */
  | { readonly type: "lost"; readonly id: number; readonly error: string | null }
  | { readonly type: "exited"; readonly id: number; readonly status: Deno.CommandStatus }
  /** Files of the app (`reload`) or the certificate (`tls_watch`) have changed. */
  | { readonly type: "files_changed"; readonly files: readonly string[] }
  /** The hooks of a reload (HUP) have been loaded, or could not be. */
  | { readonly type: "prepared"; readonly reload: PreparedReload }
  /** The hook before a new manager (USR2) has ended, or was waited for long enough. */
  | { readonly type: "pre_exec_over" }
  /** The last hook of all has ended, or was waited for long enough. */
  | { readonly type: "on_exit_over" }
  /** The manager that was started beside this one (USR2) has ended. */
  | { readonly type: "successor_exited"; readonly status: Deno.CommandStatus };

export interface PreparedReload {
  /** Of several the last one counts. */
  readonly number: number;
  readonly config: Config;
  readonly hooks: PromiseSettledResult<HookModule>;
}

export class Inbox<T> {
  #queued: T[] = [];
  #wake: (() => void) | null = null;

  push(item: T): void {
    this.#queued.push(item);
    this.#wake?.();
  }

  /** All that is there; where there is nothing, what comes within `timeoutMs`. */
  async take(timeoutMs: number): Promise<readonly T[]> {
    if (this.#queued.length === 0 && timeoutMs > 0) await this.#wait(timeoutMs);
    const items = this.#queued;
    this.#queued = [];
    return items;
  }

  #wait(timeoutMs: number): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        this.#wake = null;
        resolve();
      };
      const timer = setTimeout(done, timeoutMs);
      this.#wake = done;
    });
  }
}
