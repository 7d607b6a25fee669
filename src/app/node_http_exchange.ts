/**
 * One exchange of an app that speaks node:http: a fetch Request becomes the IncomingMessage that the
 * app reads, and what it writes to its ServerResponse becomes a fetch Response.
 *
 * Both are Node's own classes as Deno has them, on a socket that is ours. Nothing is parsed, and one
 * method is overridden, on the object itself since Express replaces the prototypes of both:
 * `_storeHeader`, which knows the head before it is written.
 */

import { Buffer } from "node:buffer";
import { IncomingMessage, type Server, ServerResponse } from "node:http";
import process from "node:process";
import type { AppAddr } from "./own_server.ts";
import { ResponseBody } from "./node_http_body.ts";
import { hasBody, onAbort, rawHeadersOf, wholeBodyOf } from "./node_http_request.ts";
import { type Carrier, ExchangeSocket, type Piece } from "./node_http_socket.ts";

/** What Node's classes have without telling TypeScript. */
interface IncomingInternals extends IncomingMessage {
  _addHeaderLines(headers: string[], count: number): void;
  _dump(): void;
  _consuming: boolean;
  upgrade: boolean;
}
interface OutgoingInternals extends ServerResponse {
  _header: string | null;
  _hasBody: boolean;
  _closed: boolean;
  _expect_continue: boolean;
  _storeHeader(firstLine: string, headers: unknown): void;
}

/** How HTTP/1 says that a request has a body. */
const FRAMING = /^(?:content-length|transfer-encoding)$/i;

/** Under this symbol a response remembers that the app waits for "drain". */
const NEEDS_DRAIN = Object.getOwnPropertySymbols(new ServerResponse({ method: "GET" } as never))
  .find((symbol) => symbol.description === "kNeedDrain") ?? Symbol("not in this Deno");

/** Headers of the connection, not of the response; the server writes its own. */
const HOP_BY_HOP =
  /^(?:connection|keep-alive|transfer-encoding|trailer|proxy-connection|upgrade)$/i;

/** Statuses that `Response` takes no body with. */
const isNullBody = (status: number) => status === 204 || status === 205 || status === 304;

type ServerClass<T> = new (...args: unknown[]) => T;

/** Answers `request` with the app's node:http server, which listens nowhere. */
export function answerWithNode(
  server: Server,
  request: Request,
  info: Deno.ServeHandlerInfo,
  local: AppAddr | undefined,
): Promise<Response> {
  return new NodeExchange(server, request, info, local).response;
}

class NodeExchange implements Carrier {
  readonly response: Promise<Response>;
  readonly #resolve: (response: Response) => void;
  readonly #reject: (error: unknown) => void;
  readonly #request: Request;
  readonly #hasBody: boolean;
  readonly #socket: ExchangeSocket;
  readonly #req: IncomingInternals;
  readonly #res: OutgoingInternals;
  readonly #body: ResponseBody;
  #reader: ReadableStreamDefaultReader<Uint8Array> | null = null;
  #feeding = false;
  #held = false;
  #clientGone = false;

  constructor(
    server: Server,
    request: Request,
    info: Deno.ServeHandlerInfo,
    local: AppAddr | undefined,
  ) {
    ({ promise: this.response, resolve: this.#resolve, reject: this.#reject } = Promise
      .withResolvers<Response>());
    this.#request = request;
    this.#hasBody = hasBody(request);
    const url = request.url;
    const remote = info.remoteAddr;
    this.#socket = new ExchangeSocket(this, server, {
      remoteAddress: "hostname" in remote ? remote.hostname : undefined,
      remotePort: "hostname" in remote ? remote.port : undefined,
      localAddress: local !== undefined && "hostname" in local ? local.hostname : undefined,
      localPort: local !== undefined && "hostname" in local ? local.port : undefined,
    }, url.startsWith("https:"));
    this.#req = this.#incoming(server, url);
    this.#res = this.#outgoing(server);
    this.#body = new ResponseBody(this.#res, () => this.#socket.destroy());
    this.#start(server);
  }

  #incoming(server: Server, url: string): IncomingInternals {
    const Incoming = classOf<IncomingInternals>(server, "IncomingMessage", IncomingMessage);
    const req = new Incoming(this.#socket);
    const lines = rawHeadersOf(this.#request);
    if (this.#hasBody && !lines.some((name, i) => i % 2 === 0 && FRAMING.test(name))) {
      // HTTP/2 needs neither, and frameworks tell by them whether there is a body.
      lines.push("transfer-encoding", "chunked");
    }
    req._addHeaderLines(lines, lines.length);
    req.httpVersion = "1.1";
    req.httpVersionMajor = 1;
    req.httpVersionMinor = 1;
    req.method = this.#request.method;
    req.url = url.slice(url.indexOf("/", url.indexOf("://") + 3));
    req.upgrade = false;
    return req;
  }

  #outgoing(server: Server): OutgoingInternals {
    const Outgoing = classOf<OutgoingInternals>(server, "ServerResponse", ServerResponse);
    const res = new Outgoing(this.#req);
    res.sendDate = false; // the server writes it
    const { _storeHeader: store } = res;
    Object.defineProperty(res, "_storeHeader", {
      value: (firstLine: string, headers: unknown) => {
        store.call(res, firstLine, headers);
        // The server frames the body; and a length that Node did not write is none.
        res.chunkedEncoding = false;
      },
    });
    res.on("finish", () => this.#finished());
    this.#socket.on("drain", () => {
      if (!res.writableNeedDrain) return;
      Object.assign(res, { [NEEDS_DRAIN]: false });
      res.emit("drain");
    });
    return res;
  }

  #start(server: Server): void {
    onAbort(this.#request, () => this.#abort());
    this.#res.assignSocket(this.#socket as never);
    countConnection(server, 1);
    for (const listener of server.listeners("connection").slice(1)) {
      listener.call(server, this.#socket); // the first is Node's own, which would begin to parse
    }
    try {
      if (!expects(server, this.#req, this.#res)) server.emit("request", this.#req, this.#res);
    } catch (error) {
      // Node's server would end the process.
      this.#reject(error);
      this.#socket.destroy();
    }
    if (!this.#hasBody) this.#complete();
  }

  // The request body.

  feed(): void {
    this.#held = false;
    if (this.#feeding || this.#req.complete) return;
    const whole = wholeBodyOf(this.#request);
    if (whole !== null) {
      this.#req.push(asBuffer(whole));
      return this.#complete();
    }
    this.#feeding = true;
    this.#pump().catch((error) => {
      this.#req.destroy(error instanceof Error ? error : new Error(String(error)));
    });
  }

  hold(): void {
    this.#held = true;
  }

  async #pump(): Promise<void> {
    this.#reader ??= this.#request.body!.getReader();
    while (!this.#held) {
      const { done, value } = await this.#reader.read();
      if (this.#req.destroyed) return;
      if (done) return this.#complete();
      if (!this.#req.push(asBuffer(value))) break;
    }
    this.#feeding = false;
  }

  #complete(): void {
    if (this.#req.complete || this.#req.destroyed) return;
    this.#req.complete = true;
    this.#req.push(null);
  }

  // The response.

  take(pieces: readonly Piece[], done: (error?: Error | null) => void): void {
    const header = this.#res._header;
    // 100 Continue and early hints are written before the head; the server sends its own 100.
    if (header === null) return done();
    this.#body.take(pieces, done, header, () => this.#respond(header));
  }

  #respond(header: string): void {
    const { statusCode: status } = this.#res;
    try {
      const headers = headersOf(header);
      const typed = headers.some(([name]) => name.toLowerCase() === "content-type");
      const bare = isNullBody(status) || !this.#res._hasBody;
      const body = bare ? null : this.#body.asBodyInit(typed);
      this.#resolve(new Response(body, { status, headers }));
      if (body === null) this.#body.discard();
    } catch (error) {
      // A status that fetch has not (999), or a 101 outside of an upgrade.
      this.#reject(error);
      this.#socket.destroy();
    }
  }

  /** Node's own server does the same when a response is out. */
  #finished(): void {
    this.#body.close();
    const req = this.#req;
    const res = this.#res;
    if (!req._consuming) {
      // What the app does not want is not fetched: an upload that it answers early ends here.
      if (!req.complete && !this.#request.bodyUsed) {
        this.#request.body?.cancel().catch(() => {});
      }
      this.#complete();
      req._dump();
    }
    res.detachSocket(this.#socket as never);
    process.nextTick(() => {
      Object.assign(res, { destroyed: true, _closed: true });
      res.emit("close");
      this.#end();
    });
  }

  // The end.

  #abort(): void {
    this.#clientGone = true;
    this.#socket.destroy();
  }

  timedOut(): void {
    const socket = this.#socket;
    // All three are asked, as Node does; where nobody listens, the connection ends.
    const heard = [
      !this.#req.complete && this.#req.emit("timeout", socket),
      this.#res.emit("timeout", socket),
      socket.server.emit("timeout", socket),
    ];
    if (!heard.includes(true)) socket.destroy();
  }

  gone(error: Error | null): void {
    const aborted = Object.assign(new Error("aborted"), { code: "ECONNRESET" });
    if (this.#clientGone) {
      // Nobody reads it; but the promise must settle, and the client's going is no error of the app.
      this.#resolve(new Response(null, { status: 499 }));
    } else {
      this.#reject(error ?? new Error("the app destroyed the connection before it responded"));
    }
    // Whoever read the body is gone, or is cut off by the server; only the app's own end is news.
    if (this.#clientGone) this.#body.close();
    else this.#body.fail(error ?? aborted);
    this.#reader?.cancel().catch(() => {});
    this.#req.destroy(aborted);
    this.#end();
  }

  #ended = false;

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    const { server } = this.#socket;
    countConnection(server, -1);
    // Those who track connections wait for it; for all others it is not worth its ticks.
    if (this.#socket.listenerCount("close") > 0 && this.#req.complete) this.#socket.destroy();
  }
}

/** `Expect: 100-continue`: the server has answered it; an app may want to decide itself. */
function expects(server: Server, req: IncomingInternals, res: OutgoingInternals): boolean {
  const { expect } = req.headers;
  if (expect === undefined) return false;
  if (/(?:^|\W)100-continue(?:$|\W)/i.test(expect)) {
    res._expect_continue = true;
    return server.listenerCount("checkContinue") > 0 && server.emit("checkContinue", req, res);
  }
  if (server.listenerCount("checkExpectation") > 0) server.emit("checkExpectation", req, res);
  else res.writeHead(417).end();
  return true;
}

/** `createServer({ IncomingMessage, ServerResponse })`: the server keeps them under symbols. */
function classOf<T>(server: Server, name: string, fallback: unknown): ServerClass<T> {
  const symbol = Object.getOwnPropertySymbols(server).find((own) => own.description === name);
  const own = symbol && (server as unknown as Record<symbol, unknown>)[symbol];
  return (typeof own === "function" ? own : fallback) as ServerClass<T>;
}

/** `server.close()` ends when this is 0, and `getConnections()` tells it. */
function countConnection(server: Server, by: 1 | -1): void {
  const counted = server as unknown as { _connections: number; _emitCloseIfDrained(): void };
  counted._connections += by;
  if (!server.listening) counted._emitCloseIfDrained();
}

/** Node's head as text, for fetch: one entry for each line, repeated ones repeated. */
function headersOf(header: string): [string, string][] {
  const headers: [string, string][] = [];
  for (const line of header.split("\r\n").slice(1)) {
    const colon = line.indexOf(":");
    const name = line.slice(0, colon);
    if (colon > 0 && !HOP_BY_HOP.test(name)) headers.push([name, line.slice(colon + 2)]);
  }
  return headers;
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
