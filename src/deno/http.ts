/**
 * Deno's HTTP server for one accepted connection.
 *
 * `Deno.serve` owns its accept loop and tells nothing of connections. `serveHttpOnConnection`, which
 * it is built from, gives a session for each connection. The probe checks at boot, on a real
 * connection, that it behaves; where it does not, the listeners fall back on Deno.serve.
 */

import type { Field } from "../protocol/head.ts";
import { internals, type Untyped } from "./hidden.ts";
import type { ConnectionHandler, HttpConnection } from "./http_connection.ts";
import { LoneRequest } from "./lone_request.ts";

// Deno makes serveHttpOnConnection when Deno.serve is first looked at.
void Deno.serve;

/** Serves HTTP/1 and HTTP/2 on an accepted connection. */
export function serveConnection(
  connection: Deno.Conn,
  handler: ConnectionHandler,
  onError: (error: unknown) => Response,
): HttpConnection {
  if (connection instanceof LoneRequest) return connection.serve(handler, onError);
  // All that Deno does with the signal is to add one listener. A real AbortSignal costs more for
  // each connection, and reports the listener's BadResource, when the connection has just ended by
  // itself, as an uncaught error that no one can catch.
  let abort = () => {};
  const signal = {
    addEventListener: (_: "abort", listener: () => void) => void (abort = listener),
  };
  const served = internals.serveHttpOnConnection!(connection, signal, handler, onError, () => {});
  // Of a client that left in the midst of a response Deno keeps what it held of the connection, some
  // 450 bytes, until it is told to shut down.
  const over = () => served.shutdown().catch(() => {});
  served.finished.then(over, over);
  return {
    finished: served.finished,
    shutdown: () => served.shutdown(),
    abort() {
      try {
        abort();
      } catch {
        // The connection has just ended by itself.
      }
    },
  };
}

const FD = internals.core?.internalFdSymbol;

/** The descriptor of an accepted connection, as long as it is open; null where Deno hides it. */
export function connectionFd(connection: Deno.Conn): number | null {
  const fd = FD === undefined ? null : (connection as Untyped)[FD];
  return typeof fd === "number" ? fd : null;
}

/**
 * Whether the request that is being handled came by HTTP/2. To be called by the handler itself,
 * before it awaits anything: Deno does not tell, but its HTTP/1 reaches the handler by another way,
 * except for what asks for an upgrade or is a CONNECT. Costs a stack trace, 20 µs.
 */
export function isHttp2(method: string, fields: readonly Field[]): boolean {
  const stack = stackHere();
  if (stack.includes(" nativeDispatch ") || method === "CONNECT") return false;
  const names = fields.map(([name]) => name.toLowerCase());
  if (names.includes("connection")) return false;
  // Few clients of HTTP/2 send a Host: where the stack tells nothing, it is HTTP/1.
  return stack.includes(" dispatch ") || !names.includes("host");
}

/**
 * The functions that have led here; "" where it cannot be known. With `threads: 0` the app has a say in it:
 * it may have frozen Error, or format its stacks (Error.prepareStackTrace).
 */
function stackHere(): string {
  const { stackTraceLimit, prepareStackTrace } = Error as Untyped;
  const formats = prepareStackTrace !== undefined;
  // Unlike an assignment it does not throw where nothing may be set.
  Reflect.set(Error, "stackTraceLimit", HANDLER_DEPTH);
  if (formats) Reflect.set(Error, "prepareStackTrace", undefined);
  const { stack } = new Error() as { stack?: unknown };
  Reflect.set(Error, "stackTraceLimit", stackTraceLimit);
  if (formats) Reflect.set(Error, "prepareStackTrace", prepareStackTrace);
  return typeof stack === "string" ? stack : "";
}

/** Frames from a handler's callee to Deno's dispatch, with some to spare. */
const HANDLER_DEPTH = 24;
