/**
 * Whether this Deno is built as this room knows it: the one place that says so, at boot and in the
 * tests (tests/unit/deno/).
 */

import { REQUESTS_KNOWN } from "./app_request.ts";
import { learnContexts } from "./context.ts";
import { forgoInternals, internals, missingSymbols } from "./hidden.ts";
import { connectionFd, isHttp2, serveConnection } from "./http.ts";
import type { ConnectionHandler, HttpConnection } from "./http_connection.ts";
import { headerList, requestBody, requestMethod, requestUrl } from "./request.ts";
import { isCostlyToWatch } from "./request_abort.ts";
import { createResponse, RESPONSES_KNOWN, switchingProtocols } from "./response.ts";
import { isFast, rememberedParts } from "./response_parts.ts";
import { drop, upgrade } from "./websocket.ts";

/** Deno's own: with `threads: 0` the app is loaded by now, and may have put another in its place. */
const { Response } = globalThis;

/** What is not as this room knows it. docs/internals.md ("Moving to another Deno") says what each is for. */
export interface Findings {
  /** Why the server has to fall back on Deno.serve; null where it need not. */
  readonly fallback: string | null;
  /** What is missing without which it serves all the same, by name. */
  readonly lacks: readonly string[];
}

/**
 * Looks at all that is used here, on real connections. To be called before the first one is served:
 * with a reason to fall back, what Deno shows in public is used alone from then on.
 */
export async function probe(): Promise<Findings> {
  const lacks = new Set<string>();
  const fallback = await probeServer(lacks);
  if (fallback !== null) forgoInternals();
  if (!RESPONSES_KNOWN) lacks.add("responses around an inner one");
  if (!REQUESTS_KNOWN) lacks.add("requests around an inner one");
  if (!remembersResponses()) lacks.add("what a response was made of");
  if (switchingProtocols().status !== 101) lacks.add("responses with status 101");
  if (internals.core?.tryClose === undefined) lacks.add("core.tryClose");
  if (internals.core?.cancelTimer === undefined) lacks.add("core.cancelTimer");
  for (const description of missingSymbols()) lacks.add(description);
  return { fallback, lacks: [...lacks] };
}

/** What the server cannot do without. Returns null, or what failed. */
async function probeServer(lacks: Set<string>): Promise<string | null> {
  if (typeof internals.serveHttpOnConnection !== "function") {
    return "serveHttpOnConnection is gone";
  }
  try {
    using listener = await listenWithin();
    return await probeExchange(listener, lacks) ??
      (await learnContexts(() => askForUpgrade(listener))
        ? null
        : "the contexts of connections are hidden");
  } catch (error) {
    return String(error);
  }
}

/**
 * Where this process can reach itself. A network namespace may have its loopback down, and systemd may
 * allow unix sockets alone (RestrictAddressFamilies=), which says nothing of Deno.
 */
async function listenWithin(): Promise<Deno.Listener> {
  let listener: Deno.Listener | undefined;
  try {
    listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    using _client = await connectTo(listener.addr);
    (await listener.accept()).close();
    return listener;
  } catch {
    listener?.close();
    // An abstract name: no file is left behind.
    return Deno.listen({ transport: "unix", path: `\0denicorn-probe-${crypto.randomUUID()}` });
  }
}

/** One request and its response. */
async function probeExchange(
  listener: Deno.Listener,
  lacks: Set<string>,
): Promise<string | null> {
  const seen: string[] = [];
  let http2 = true;
  const handler = async (request: Request) => {
    if (!isCostlyToWatch(request)) lacks.add("onCancel of requests");
    const body = requestBody(request);
    const fields = headerList(request).map((field) => field.join("\n"));
    seen.push([requestMethod(request), requestUrl(request), ...fields].join("\n"));
    http2 = isHttp2("POST", headerList(request));
    seen.push(await new Response(body as BodyInit).text());
    return createResponse(201, [["x-probe", "a"], ["x-probe", "b"]], "probed");
  };
  const answer = await ask(listener, PROBE_REQUEST, handler, async (client, accepted) => {
    // Of those on unix sockets nobody tells it.
    const isTcp = accepted.localAddr.transport === "tcp";
    if (isTcp && connectionFd(accepted) === null) lacks.add("core.internalFdSymbol");
    return await readAll(client);
  });
  if (!/^POST\nhttp(\+unix)?:\/\/probe\/p\?q\n/.test(seen[0] ?? "")) return "request lines differ";
  if (!seen[0]!.includes("\nX-A\n1")) return "request headers differ";
  if (http2) return "HTTP/1 cannot be told from HTTP/2";
  if (seen[1] !== "hi") return "request bodies differ";
  if (!answer.startsWith("HTTP/1.1 201 ") || !answer.endsWith("probed")) {
    return "responses differ";
  }
  if (answer.match(/x-probe: [ab]\r\n/g)?.length !== 2) return "response headers differ";
  return null;
}

/** A request that asks for a WebSocket, and gets one, whose symbols are looked for then. */
async function askForUpgrade(listener: Deno.Listener): Promise<void> {
  const handler = (request: Request) => {
    const { socket, response } = upgrade(request, "", () => {});
    socket.onopen = () => drop(socket);
    return response;
  };
  await ask(listener, PROBE_UPGRADE, handler, (client) => client.read(new Uint8Array(1)));
}

function connectTo(addr: Deno.Addr): Promise<Deno.Conn> {
  return addr.transport === "unix"
    ? Deno.connect({ transport: "unix", path: addr.path })
    : Deno.connect(addr as Deno.NetAddr & { transport: "tcp" });
}

/** Sends a request, and gives the connection's both ends to `read` for the answer. */
async function ask<T>(
  listener: Deno.Listener,
  request: string,
  handler: ConnectionHandler,
  read: (client: Deno.Conn, accepted: Deno.Conn) => Promise<T>,
): Promise<T> {
  using client = await connectTo(listener.addr);
  const accepted = await listener.accept();
  const failed = () => new Response(null, { status: 500 });
  const connection: HttpConnection = serveConnection(accepted, handler, failed);
  connection.finished.catch(() => {});
  try {
    await client.write(new TextEncoder().encode(request));
    return await read(client, accepted);
  } finally {
    connection.abort();
  }
}

const PROBE_REQUEST =
  "POST /p?q HTTP/1.1\r\nHost: probe\r\nX-A: 1\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi";

const PROBE_UPGRADE =
  "GET / HTTP/1.1\r\nHost: probe\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
  "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n";

async function readAll(client: Deno.Conn): Promise<string> {
  const buffer = new Uint8Array(4096);
  let text = "";
  for (let n; (n = await client.read(buffer)) !== null;) {
    text += new TextDecoder("latin1").decode(buffer.subarray(0, n));
  }
  return text;
}

/** What threads and `threads: 0` ask of the responses of apps: a fast one, and one with headers. */
function remembersResponses(): boolean {
  const fast = new Response("text");
  const plain = new Response(new Uint8Array(2), { status: 201, headers: { "x-a": "1" } });
  if (!isFast(fast) || isFast(plain)) return false;
  const text = rememberedParts(fast);
  const bytes = rememberedParts(plain);
  return text?.body === "text" && text.fields.length === 1 &&
    bytes?.status === 201 && bytes.body instanceof Uint8Array && bytes.fields[0]?.[1] === "1";
}
