/**
 * The end of a Request before its response, both ways: the app's signal aborts, and the client's going
 * away is told.
 */

import { hiddenSymbol, type Untyped } from "./hidden.ts";
import { INNER_REQUEST } from "./request.ts";

const SIGNAL_ABORT = hiddenSymbol(AbortSignal.prototype, "[[signalAbort]]");

/**
 * Aborts the request's signal, as Deno does when the client goes away. The reason names no cause: it
 * may be the timeout, a stop, or a body that was refused.
 */
export function abortRequest(request: Request): void {
  const signal: Untyped = request.signal;
  signal[SIGNAL_ABORT]?.(new DOMException("The exchange was given up", "AbortError"));
}

/** What there is to watch in an inner request. */
interface Watchable {
  onCancel?(callback: () => void): void;
  /** Of ours (app_request.ts). */
  readonly source?: unknown;
}

const innerOf = (request: Request): Watchable => (request as Untyped)[INNER_REQUEST] ?? {};

/**
 * Calls back when nobody waits for the response any more. Of Deno's own request by its signal: the bare
 * onCancel() of one that is answered with `Connection: close` keeps its connection from ending.
 */
export function watchClient(request: Request, callback: () => void): void {
  const inner = innerOf(request);
  if (inner.onCancel !== undefined && inner.source !== undefined) inner.onCancel(callback);
  else if (request.signal.aborted) callback();
  else request.signal.addEventListener("abort", callback, { once: true });
}

/** Whether {@linkcode watchClient} makes an asynchronous call: of Deno's own request it does. */
export function isCostlyToWatch(request: Request): boolean {
  const { onCancel, source } = innerOf(request);
  return onCancel !== undefined && source === undefined;
}
