/** What an app writes to its ServerResponse, as the body of a fetch Response. */

import { Buffer } from "node:buffer";
import type { ServerResponse } from "node:http";
import process from "node:process";
import { drained } from "../../deno/node_http.ts";
import type { ExchangeSocket, Piece } from "./socket.ts";

type Done = (error?: Error | null) => void;

/**
 * Whole where the app ends its response in the same tick as it begins it, a stream otherwise: a body
 * whose length is known should never become a stream, which costs several times as much.
 */
export class ResponseBody {
  readonly #res: ServerResponse;
  readonly #socket: ExchangeSocket;
  /** Written and not yet taken by the stream; the writer waits in `done`. */
  #pieces: Piece[] = [];
  #done: Done | null = null;
  #length = 0;
  #begun = false;
  #controller: ReadableStreamDefaultController<Uint8Array> | null = null;
  #wanted: (() => void) | null = null;

  constructor(res: ServerResponse, socket: ExchangeSocket) {
    this.#res = res;
    this.#socket = socket;
  }

  /** Takes what is written; `begin` is called once, when it is known what the body will be. */
  take(pieces: readonly Piece[], done: Done, header: string, begin: () => void): void {
    this.#done = done;
    if (this.#begun) {
      this.#pieces = pieces.slice();
      if (this.#controller === null) this.discard();
      else if (this.#wanted !== null) this.#flush();
      return;
    }
    this.#begun = true;
    // As the socket counts it, head and all: if it holds more than that, more is to come.
    for (const { chunk } of pieces) this.#length += chunk.length;
    this.#pieces = withoutHead(pieces, header);
    process.nextTick(begin);
  }

  /** The body for the Response, once it is known what it will be. */
  read(): string | Uint8Array | ReadableStream<Uint8Array> | null {
    const whole = this.#res.writableEnded && this.#socket.writableLength === this.#length;
    if (!whole) return this.#stream();
    const pieces = this.#pieces;
    // Not before the Response is made: "finish" comes of it.
    queueMicrotask(() => this.discard());
    if (pieces.length === 0) return null;
    if (pieces.length > 1) return Buffer.concat(pieces.map(toBytes));
    const { chunk, encoding } = pieces[0]!;
    return typeof chunk === "string" && isUtf8(encoding) ? chunk : toBytes(pieces[0]!);
  }

  #stream(): ReadableStream<Uint8Array> {
    this.#socket.on("drain", () => drained(this.#res));
    return new ReadableStream<Uint8Array>({
      start: (controller) => {
        this.#controller = controller;
      },
      pull: () => {
        const { promise, resolve } = Promise.withResolvers<void>();
        this.#wanted = resolve;
        if (this.#done !== null) this.#flush();
        return promise;
      },
      cancel: () => {
        this.#controller = null;
        this.#socket.destroy();
      },
    }, { highWaterMark: 0 });
  }

  /** The client wants some, and some is there. */
  #flush(): void {
    let any = false;
    for (const piece of this.#pieces) {
      const bytes = toBytes(piece);
      if (bytes.length === 0) continue; // the last write of all is empty
      this.#controller!.enqueue(bytes);
      any = true;
    }
    this.#pieces = [];
    if (any) {
      this.#wanted!();
      this.#wanted = null;
    }
    this.#release();
  }

  /** Nobody wants what is written. */
  discard(): void {
    this.#pieces = [];
    this.#release();
  }

  #release(): void {
    const done = this.#done;
    this.#done = null;
    done?.();
  }

  /** The app has ended the response, or nobody reads it any more. */
  close(): void {
    this.#controller?.close();
    this.#controller = null;
    this.#wanted?.();
    this.discard();
  }

  /** The response breaks off. */
  fail(error: Error): void {
    this.#controller?.error(error);
    this.#controller = null;
    this.#wanted?.();
    this.discard();
  }
}

/** Node writes the head in front of the first piece, or as a piece of its own. */
function withoutHead(pieces: readonly Piece[], header: string): Piece[] {
  const [first, ...rest] = pieces as [Piece, ...Piece[]];
  const chunk = (first.chunk as string).slice(header.length);
  const all = chunk === "" ? rest : [{ chunk, encoding: first.encoding }, ...rest];
  return all.filter((piece) => piece.chunk.length > 0);
}

function toBytes({ chunk, encoding }: Piece): Uint8Array<ArrayBuffer> {
  return (typeof chunk === "string" ? Buffer.from(chunk, encoding) : chunk) as Uint8Array<
    ArrayBuffer
  >;
}

function isUtf8(encoding: string): boolean {
  return encoding === "utf8" || encoding === "utf-8";
}
