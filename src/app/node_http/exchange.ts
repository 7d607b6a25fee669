/**
 * One exchange of an app that speaks node:http: a fetch Request becomes the IncomingMessage that the
 * app reads, and what it writes to its ServerResponse becomes a fetch Response.
 *
 * Both are Node's own classes as Deno has them, on a socket that is ours. Nothing is parsed, and one
 * method is overridden, on the object itself since Express replaces the prototypes of both:
 * `_storeHeader`, which knows the head before it is written.
 */

import type { Server } from "node:http";
import process from "node:process";
import { bareResponse } from "../../deno/response.ts";
import { ResponseBody } from "./body.ts";
import { createIncoming, type Incoming, IncomingBody } from "./incoming.ts";
import { forgetAbort, onAbort } from "./client_watch.ts";
import type { NodeServer, Outgoing } from "./server.ts";
import { type Carrier, ExchangeSocket, type Piece } from "./socket.ts";

/** nginx's, for logs; the client does not see it. */
const CLIENT_CLOSED_REQUEST = 499;

/** Headers of the connection, not of the response; the server writes its own. */
const HOP_BY_HOP =
  /^(?:connection|keep-alive|transfer-encoding|trailer|proxy-connection|upgrade)$/i;

type Field = [name: string, value: string];

/** Statuses that `Response` takes no body with. */
const isNullBody = (status: number) => status === 204 || status === 205 || status === 304;

/** Node's, with the framing left to the server; one function for all responses. */
const STORE_HEADER: PropertyDescriptor = {
  value(this: Outgoing, firstLine: string, headers: unknown) {
    (Object.getPrototypeOf(this) as Outgoing)._storeHeader.call(this, firstLine, headers);
    this.chunkedEncoding = false;
  },
};

/** Lets the app's server answer a request. */
export function answerWithNode(
  node: NodeServer,
  request: Request,
  info: Deno.ServeHandlerInfo,
): Promise<Response> {
  return new NodeExchange(node, request, info).response;
}

class NodeExchange implements Carrier {
  readonly response: Promise<Response>;
  readonly #resolve: (response: Response) => void;
  readonly #reject: (error: unknown) => void;
  readonly #socket: ExchangeSocket;
  readonly #req: Incoming;
  readonly #res: Outgoing;
  readonly #requestBody: IncomingBody;
  readonly #body: ResponseBody;
  /** For forgetAbort(). */
  #watched = 0;
  #clientGone = false;
  #ended = false;

  constructor(node: NodeServer, request: Request, info: Deno.ServeHandlerInfo) {
    ({ promise: this.response, resolve: this.#resolve, reject: this.#reject } = Promise
      .withResolvers<Response>());
    const { url } = request;
    const encrypted = url.startsWith("https:");
    this.#socket = new ExchangeSocket(this, node, info.remoteAddr, encrypted);
    this.#req = createIncoming(node.Incoming, request, url, this.#socket);
    this.#requestBody = new IncomingBody(request, this.#req);
    const res = this.#res = new node.Outgoing(this.#req);
    res.sendDate = false; // the server writes it
    Object.defineProperty(res, "_storeHeader", STORE_HEADER);
    res.on("finish", () => this.#finished());
    this.#body = new ResponseBody(res, this.#socket);
    this.#watched = onAbort(request, () => this.#abort());
    res.assignSocket(this.#socket as never);
    this.#begin(node);
    if (!this.#requestBody.isThere) this.#requestBody.complete();
  }

  #begin(node: NodeServer): void {
    const { server } = node;
    countConnection(server, 1);
    try {
      node.announce(this.#socket);
      if (!expects(server, this.#req, this.#res)) server.emit("request", this.#req, this.#res);
    } catch (error) {
      // Node's server would end the process.
      this.#reject(error);
      this.#socket.destroy();
    }
  }

  feed(): void {
    this.#requestBody.feed();
  }

  hold(): void {
    this.#requestBody.hold();
  }

  take(pieces: readonly Piece[], done: (error?: Error | null) => void): void {
    const header = this.#res._header;
    // 100 Continue and early hints are written before the head; the server sends its own 100.
    if (header === null) return done();
    this.#body.take(pieces, done, header, () => this.#respond(header));
  }

  #respond(header: string): void {
    const { statusCode: status } = this.#res;
    try {
      const bare = isNullBody(status) || !this.#res._hasBody;
      const fields = fieldsOf(header);
      const body = bare ? bareBody(status, fields) : this.#body.read();
      this.#resolve(bareResponse(status, fields, body));
      if (bare) this.#body.discard();
    } catch (error) {
      // A status that ends no exchange: a 101 outside of an upgrade.
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
      this.#requestBody.cancel();
      this.#requestBody.complete();
      req._dump();
    }
    res.detachSocket(this.#socket as never);
    process.nextTick(() => {
      res.destroyed = true;
      res._closed = true;
      res.emit("close");
      this.#end();
    });
  }

  isAnswered(): boolean {
    return this.#res.writableEnded;
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

  hungUp(): void {
    // After the response Node closes the connection, which here is the server's to keep.
    if (this.isAnswered()) return;
    this.#reject(
      new Error(
        "the app ended the connection before it responded; " +
          "what it writes to the socket, and not to the response, is not sent",
      ),
    );
    this.#socket.destroy();
  }

  #abort(): void {
    this.#clientGone = true;
    this.#socket.destroy();
  }

  gone(error: Error | null): void {
    const aborted = Object.assign(new Error("aborted"), { code: "ECONNRESET" });
    if (this.#clientGone) {
      // Nobody reads it; but the promise must settle, and the client's going is no error of the app.
      this.#resolve(bareResponse(CLIENT_CLOSED_REQUEST, [], null));
      this.#body.close();
    } else {
      this.#reject(error ?? new Error("the app destroyed the connection before it responded"));
      this.#body.fail(error ?? aborted);
    }
    this.#requestBody.cancel();
    // Of an exchange that is over, and of which nothing is to come, nothing was aborted.
    if (!this.#ended || !this.#req.complete) this.#req.destroy(aborted);
    this.#end();
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    forgetAbort(this.#watched);
    this.#socket.settle();
    countConnection(this.#socket.server, -1);
    // Those who track connections wait for it; for all others it is not worth its ticks.
    if (this.#socket.listenerCount("close") > 0 && this.#req.complete) this.#socket.destroy();
  }
}

/** `Expect: 100-continue`: the server has answered it; an app may want to decide itself. */
function expects(server: Server, req: Incoming, res: Outgoing): boolean {
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

/** `server.close()` ends when this is 0, and `getConnections()` tells it. */
function countConnection(server: Server, by: 1 | -1): void {
  const counted = server as unknown as { _connections: number; _emitCloseIfDrained(): void };
  counted._connections += by;
  if (!server.listening) counted._emitCloseIfDrained();
}

/**
 * Of a response without a body. Where a HEAD does not tell the length that a GET would have, neither
 * must the server, which takes no body for one of 0 bytes (RFC 9110, 8.6).
 */
function bareBody(status: number, fields: readonly Field[]): ReadableStream<Uint8Array> | null {
  const told = isNullBody(status) || fields.some(([name]) => /^content-length$/i.test(name));
  return told ? null : ReadableStream.from([]);
}

/** Node's head as text, for fetch: one field for each line, repeated ones repeated. */
function fieldsOf(header: string): Field[] {
  const fields: Field[] = [];
  const lines = header.split("\r\n");
  for (let i = 1; i < lines.length; i++) {
    const line = lines[i]!;
    const colon = line.indexOf(":");
    const name = line.slice(0, colon);
    if (colon > 0 && !HOP_BY_HOP.test(name)) fields.push([name, line.slice(colon + 2)]);
  }
  return fields;
}
