/** Errors of the app that belong to no request. */

import type { Log } from "../log/record.ts";
import { surviveUncaughtErrors } from "../log/uncaught.ts";
import { traceOf } from "./trace.ts";

/** Logs what the app does not catch, from now on and without frames of ours. */
export function outliveErrors(log: Log): void {
  surviveUncaughtErrors(log, {
    error: "Uncaught error outside of a request",
    rejection: "Unhandled rejection outside of a request",
    show: traceOf,
  });
}
