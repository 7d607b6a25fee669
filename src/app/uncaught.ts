/** Errors of the app that belong to no request. */

import type { Log } from "../log/record.ts";
import { traceOf } from "./trace.ts";

/** Logs what no one catches. It would end the thread, or the proc, with what others have in flight. */
export function outliveErrors(log: Log): void {
  addEventListener("error", (event) => {
    event.preventDefault();
    log.error(`Uncaught error outside of a request: ${traceOf(event.error)}`);
  });
  addEventListener("unhandledrejection", (event) => {
    event.preventDefault();
    log.error(`Unhandled rejection outside of a request: ${traceOf(event.reason)}`);
  });
}
