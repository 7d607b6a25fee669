/** Errors outside of any request: they are told, and end nothing. */

import type { Log } from "./record.ts";

/** How such errors are told. */
export interface Telling {
  readonly error: string;
  readonly rejection: string;
  show(thrown: unknown): string;
}

const PLAINLY: Telling = {
  error: "Uncaught error",
  rejection: "Unhandled rejection",
  show: describe,
};

/** Of the last call: an error is told once, however many have asked for it. */
let listeners = new AbortController();

/**
 * Logs what nobody catches, which would otherwise end the process or thread, and with it every
 * exchange in flight. Called again, it replaces the call before: with `threads: 0` the app's errors
 * and the proc's own arrive in one place.
 */
export function surviveUncaughtErrors(log: Log, telling = PLAINLY): void {
  listeners.abort();
  listeners = new AbortController();
  const { signal } = listeners;
  globalThis.addEventListener("error", (event) => {
    event.preventDefault();
    log.error(`${telling.error}: ${telling.show(event.error)}`);
  }, { signal });
  globalThis.addEventListener("unhandledrejection", (event) => {
    event.preventDefault();
    log.error(`${telling.rejection}: ${telling.show(event.reason)}`);
  }, { signal });
}

/** An error with its trace, whatever it is. */
export function describe(error: unknown): string {
  return error instanceof Error ? error.stack ?? error.message : Deno.inspect(error);
}
