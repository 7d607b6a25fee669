/**
 * Deno's HTTP server for one accepted connection: the only file that touches Deno's internals on the
 * server side.
 *
 * `Deno.serve` owns its accept loop and tells nothing of connections. `serveHttpOnConnection`, which
 * it is built from, gives a session for each connection. It is internal, so {@linkcode probe} checks
 * at boot, on a real connection, that all of what is used here behaves; where it does not, the
 * listeners fall back on Deno.serve (public_http.ts).
 *
 * Request heads are read from the request's inner list (wire order, duplicates kept, no Headers
 * object) and responses are built around an inner response (no second validation of what the thread
 * has validated): both cheaper than the public ways.
 */

import { bareResponse, publicResponse } from "../../deno/response.ts";
import { internalsKnown } from "../../deno/hidden.ts";
import { headerList, requestBody, requestMethod, requestUrl } from "../../deno/request.ts";
import { learnContexts } from "./context.ts";
import type { ConnectionHandler, HttpConnection } from "./http_connection.ts";
import { LoneRequest } from "./public_http.ts";
import type { Field } from "../../protocol/head.ts";

interface Internals {
  readonly core?: {
    readonly internalFdSymbol?: symbol;
  };
  serveHttpOnConnection(
    connection: Deno.Conn,
    signal: { addEventListener(type: "abort", listener: () => void): void },
    handler: ConnectionHandler,
    onError: (error: unknown) => Response,
    onListen: (scheme: string) => void,
  ): { readonly finished: Promise<void>; shutdown(): Promise<void> };
}

// Deno types none of this.
// deno-lint-ignore no-explicit-any
const internals: Internals = (Deno as any)[(Deno as any).internal];

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
  const served = internals.serveHttpOnConnection(connection, signal, handler, onError, () => {});
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

const FD = internals?.core?.internalFdSymbol;

/** The descriptor of an accepted connection, as long as it is open; null where Deno hides it. */
export function connectionFd(connection: Deno.Conn): number | null {
  // deno-lint-ignore no-explicit-any
  const fd = FD === undefined ? null : (connection as any)[FD];
  return typeof fd === "number" ? fd : null;
}

/**
 * Whether the request that is being handled came by HTTP/2. To be called by the handler itself,
 * before it awaits anything: Deno does not tell, but its HTTP/1 reaches the handler by another way,
 * except for what asks for an upgrade or is a CONNECT. Costs a stack trace, 20 µs.
 */
export function isHttp2(method: string, fields: readonly Field[]): boolean {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = HANDLER_DEPTH;
  const stack = new Error().stack ?? "";
  Error.stackTraceLimit = limit;
  return !stack.includes(" nativeDispatch ") && method !== "CONNECT" &&
    !fields.some(([name]) => name.toLowerCase() === "connection");
}

/** Frames from a handler's callee to Deno's dispatch, with some to spare. */
const HANDLER_DEPTH = 24;

/**
 * A response with exactly these header fields (validated by who made them) and body. Nothing is
 * added: no Content-Type.
 */
export function createResponse(
  status: number,
  headers: [string, string][],
  body: string | Uint8Array | ReadableStream<Uint8Array> | null,
): Response {
  return internalsKnown
    ? bareResponse(status, headers, body)
    : publicResponse(status, headers, body);
}

/**
 * Whether this Deno behaves as this file needs: one request and response over a real connection.
 * Returns null, or what failed.
 */
export async function probe(): Promise<string | null> {
  if (typeof internals?.serveHttpOnConnection !== "function") {
    return "serveHttpOnConnection is gone";
  }
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  let connection: HttpConnection | undefined;
  try {
    const { port } = listener.addr as Deno.NetAddr;
    using client = await Deno.connect({ hostname: "127.0.0.1", port });
    const seen: string[] = [];
    let http2 = true;
    connection = serveConnection(
      await listener.accept(),
      async (request) => {
        const body = requestBody(request);
        const fields = headerList(request).map((field) => field.join("\n"));
        seen.push([requestMethod(request), requestUrl(request), ...fields].join("\n"));
        http2 = isHttp2("POST", headerList(request));
        seen.push(await new Response(body as BodyInit).text());
        return createResponse(201, [["x-probe", "a"], ["x-probe", "b"]], "probed");
      },
      () => new Response(null, { status: 500 }),
    );
    connection.finished.catch(() => {});
    await client.write(PROBE_REQUEST);
    const answer = await readAll(client);
    if (!seen[0]?.startsWith("POST\nhttp://probe/p?q\n")) return "request lines differ";
    if (!seen[0].includes("\nX-A\n1")) return "request headers differ";
    if (http2) return "HTTP/1 cannot be told from HTTP/2";
    if (seen[1] !== "hi") return "request bodies differ";
    if (!answer.startsWith("HTTP/1.1 201 ") || !answer.endsWith("probed")) {
      return "responses differ";
    }
    if (answer.match(/x-probe: [ab]\r\n/g)?.length !== 2) return "response headers differ";
    const learnt = await learnContexts(() => askForUpgrade(listener));
    return learnt ? null : "the contexts of connections are hidden";
  } catch (error) {
    return String(error);
  } finally {
    connection?.abort();
    listener.close();
  }
}

/** One request that asks for a WebSocket, and is refused. */
async function askForUpgrade(listener: Deno.TcpListener): Promise<void> {
  const { port } = listener.addr;
  using client = await Deno.connect({ hostname: "127.0.0.1", port });
  const failed = () => new Response(null, { status: 500 });
  const refuse = () => createResponse(400, [["connection", "close"]], null);
  const connection = serveConnection(await listener.accept(), refuse, failed);
  connection.finished.catch(() => {});
  try {
    await client.write(PROBE_UPGRADE);
    await client.read(new Uint8Array(1));
  } finally {
    connection.abort();
  }
}

const PROBE_UPGRADE = new TextEncoder().encode(
  "GET / HTTP/1.1\r\nHost: probe\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
);

const PROBE_REQUEST = new TextEncoder().encode(
  "POST /p?q HTTP/1.1\r\nHost: probe\r\nX-A: 1\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi",
);

async function readAll(reader: { read(p: Uint8Array): Promise<number | null> }): Promise<string> {
  const buffer = new Uint8Array(4096);
  let text = "";
  for (let n; (n = await reader.read(buffer)) !== null;) {
    text += new TextDecoder("latin1").decode(buffer.subarray(0, n));
  }
  return text;
}
