/** The IncomingMessage of an exchange, made from its fetch Request, and its body. */

import { Buffer } from "node:buffer";
import type { IncomingMessage } from "node:http";
import { hiddenBody, type RequestSource } from "../../deno/app_request.ts";
import { fieldsOf, hasBody, takeBodyHere } from "../../deno/request.ts";
import type { NodeSocket } from "./socket.ts";

/** What Node's class has without telling TypeScript. */
export interface Incoming extends IncomingMessage {
  _addHeaderLines(headers: string[], count: number): void;
  _dump(): void;
  _consuming: boolean;
  upgrade: boolean;
}

export type IncomingClass = new (socket: NodeSocket) => Incoming;

/** How HTTP/1 says that a request has a body. */
const FRAMING = /^(?:content-length|transfer-encoding)$/i;

export function createIncoming(
  Class: IncomingClass,
  request: Request,
  url: string,
  socket: NodeSocket,
  filter = (lines: string[]) => lines,
): Incoming {
  const req = new Class(socket);
  const lines = filter(rawHeadersOf(request));
  if (hasBody(request) && !lines.some((name, i) => i % 2 === 0 && FRAMING.test(name))) {
    // HTTP/2 needs neither, and frameworks tell by them whether there is a body.
    lines.push("transfer-encoding", "chunked");
  }
  req._addHeaderLines(lines, lines.length);
  req.httpVersion = "1.1";
  req.httpVersionMajor = 1;
  req.httpVersionMinor = 1;
  req.method = request.method;
  req.url = url.slice(url.indexOf("/", url.indexOf("://") + 3));
  req.upgrade = false;
  return req;
}

/** Feeds the body to the message as the app reads it, which slows the client down. */
export class IncomingBody {
  readonly #request: Request;
  readonly #req: Incoming;
  /** Node gives a GET the body that it sends, fetch does not. */
  readonly #hidden: RequestSource["body"];
  #reader: ReadableStreamDefaultReader<Uint8Array> | null = null;
  #feeding = false;
  #held = false;

  constructor(request: Request, req: Incoming) {
    this.#request = request;
    this.#req = req;
    this.#hidden = hasBody(request) ? null : hiddenBody(request);
  }

  get isThere(): boolean {
    return this.#hidden !== null || hasBody(this.#request);
  }

  /** The app wants some. */
  feed(): void {
    this.#held = false;
    if (this.#feeding || this.#req.complete) return;
    if (!this.isThere) return this.complete();
    const whole = this.#hidden instanceof Uint8Array ? this.#hidden : takeBodyHere(this.#request);
    if (whole !== null) {
      this.#req.push(asBuffer(whole));
      return this.complete();
    }
    this.#feeding = true;
    this.#pump().catch((error) => {
      this.#req.destroy(error instanceof Error ? error : new Error(String(error)));
    });
  }

  /** The app wants no more for now. */
  hold(): void {
    this.#held = true;
  }

  /** Nothing follows. */
  complete(): void {
    if (this.#req.complete || this.#req.destroyed) return;
    this.#req.complete = true;
    this.#req.push(null);
  }

  /** Nobody wants what has not been read: an upload that the app answers early ends here. */
  cancel(): void {
    if (this.#reader !== null) this.#reader.cancel().catch(() => {});
    else if (!this.#req.complete && !this.#request.bodyUsed) {
      this.#request.body?.cancel().catch(() => {});
    }
  }

  async #pump(): Promise<void> {
    this.#reader ??= this.#open().getReader();
    while (!this.#held) {
      const { done, value } = await this.#reader.read();
      if (this.#req.destroyed) return;
      if (done) return this.complete();
      if (!this.#req.push(asBuffer(value))) break;
    }
    this.#feeding = false;
  }

  #open(): ReadableStream<Uint8Array> {
    return typeof this.#hidden === "function" ? this.#hidden() : this.#request.body!;
  }
}

/** `[name, value, name, value…]` in the order and the case of the wire, repeated ones repeated. */
function rawHeadersOf(request: Request): string[] {
  const lines: string[] = [];
  for (const [name, value] of fieldsOf(request)) lines.push(name, value);
  return lines;
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
