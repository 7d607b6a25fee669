/** Errors outside of any request: they are told, and end nothing. */

import type { Log } from "./record.ts";

/**
 * Without this, one forgotten `await` of an inline app would end the process, and with it every
 * exchange in flight. (Threads look after their own.)
 */
export function surviveUncaughtErrors(log: Log): void {
  globalThis.addEventListener("error", (event) => {
    event.preventDefault();
    log.error(`Uncaught error: ${describe(event.error)}`);
  });
  globalThis.addEventListener("unhandledrejection", (event) => {
    event.preventDefault();
    log.error(`Unhandled rejection: ${describe(event.reason)}`);
  });
}

/** An error with its trace, whatever it is. */
export function describe(error: unknown): string {
  return error instanceof Error ? error.stack ?? error.message : Deno.inspect(error);
}
