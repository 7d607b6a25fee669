/** One exchange in a fetch thread: the request for the app, and its response on the way out. */

import { pieceOf } from "../deno/byte_stream.ts";
import { bodyCame } from "../os/memory/young_garbage.ts";
import { AbortReason, RespondFlag, STREAM_WINDOW_BYTES } from "../protocol/queue/queue.ts";
import { joinFields } from "../protocol/head.ts";
import type { ThreadQueueOut } from "./queue_out.ts";
import type { RequestSource } from "../deno/app_request.ts";
import { readResponse } from "../app/response.ts";
import type { InfoSource } from "../app/serve_info.ts";
import type { Upgradable, Upgrade } from "./upgrade.ts";
import { UploadStream } from "./upload_stream.ts";

export class FetchExchange implements RequestSource, Upgradable, InfoSource {
  readonly id: number;
  readonly head: string;
  readonly body: Uint8Array | null | (() => ReadableStream<Uint8Array>);
  /** The WebSocket that the app has made of it. */
  upgrade: Upgrade | null = null;

  readonly #queue: ThreadQueueOut;
  readonly #remoteHost: string;
  readonly #remotePort: number;
  #upload: UploadStream | null = null;
  #completed: PromiseWithResolvers<void> | null = null;
  /** The server is to say when the response is out: asked for with the response's head, or behind it. */
  #waits = false;
  #waitsLate = false;
  #progress: "begun" | "streams" | "over" = "begun";
  #onAbort: (() => void) | null = null;
  #aborted = false;
  #reader: ReadableStreamDefaultReader<Uint8Array> | null = null;
  #credit = STREAM_WINDOW_BYTES;
  #wake: (() => void) | null = null;

  constructor(
    id: number,
    head: string,
    remoteHost: string,
    remotePort: number,
    body: Uint8Array | true | null,
    queue: ThreadQueueOut,
  ) {
    this.id = id;
    this.head = head;
    this.#remoteHost = remoteHost;
    this.#remotePort = remotePort;
    this.#queue = queue;
    this.body = body === true ? this.#streamUpload() : body;
    if (body instanceof Uint8Array) bodyCame(body.byteLength);
  }

  /** As Deno.serve's `info.remoteAddr`. */
  get remoteAddr(): Deno.Addr {
    return this.#remoteHost === ""
      ? { transport: "unix", path: "" }
      : { transport: "tcp", hostname: this.#remoteHost, port: this.#remotePort };
  }

  /** As Deno.serve's `info.completed`: resolves when the response is sent, rejects when it is not. */
  get completed(): Promise<void> {
    if (this.#completed === null) {
      this.#completed = Promise.withResolvers();
      this.#completed.promise.catch(() => {});
      // Of a response that is over nothing follows: it stays open, as Deno's does.
      this.#waits = this.#progress !== "over";
      this.#waitsLate = this.#progress === "streams";
      if (this.#waitsLate) this.#queue.awaited(this.id);
    }
    return this.#completed.promise;
  }

  /** Whether the server must say when the response is out. */
  get waitsForCompletion(): boolean {
    return this.#waits;
  }

  /** Sends what the app returned. Returns whether more of it follows. Throws TypeError. */
  respond(returned: unknown): boolean {
    const { status, fields, body } = readResponse(returned);
    const header = joinFields(fields);
    const flags = this.waitsForCompletion ? RespondFlag.completed : RespondFlag.none;
    if (!(body instanceof ReadableStream)) {
      if (body instanceof Uint8Array) bodyCame(body.byteLength);
      this.#queue.respond(this.id, status, header, body, flags);
      return false;
    }
    // It throws where the app has a reader of its own: not behind a head that promises a body.
    this.#reader = body.getReader();
    this.#queue.respond(this.id, status, header, true, flags);
    this.#progress = "streams";
    return true;
  }

  /** Sends the streamed body as the client takes it. Never rejects. */
  async stream(onError: (error: unknown) => void): Promise<void> {
    const reader = this.#reader!;
    try {
      while (!this.#aborted) {
        const { done, value } = await reader.read();
        if (this.#aborted) break;
        if (done) return this.#queue.end(this.id);
        const piece = pieceOf(value);
        this.#queue.chunk(this.id, piece);
        this.#credit -= piece.byteLength;
        while (this.#credit <= 0 && !this.#aborted) {
          await new Promise<void>((resolve) => this.#wake = resolve);
        }
      }
    } catch (error) {
      this.#queue.fail(this.id);
      // The app's source does not know that its piece could not be sent.
      reader.cancel(error).catch(() => {});
      // One that is made of the request's body ends with it; that is not the app's failure.
      if (!this.#aborted && !this.#upload?.failedWith(error)) onError(error);
    } finally {
      this.#progress = "over";
    }
  }

  /** The client took `bytes` of the response. */
  credit(bytes: number): void {
    this.#credit += bytes;
    this.#wake?.();
    this.#wake = null;
  }

  bodyChunk(bytes: Uint8Array): void {
    this.#upload?.enqueue(bytes);
  }

  bodyEnd(): void {
    this.#upload?.close();
  }

  bodyFail(message: string): void {
    this.#upload?.fail(message);
  }

  /**
   * Nothing comes any more: whoever still reads the body must not wait for it. With Deno.serve such a
   * read fails too, if the rest of the body had come by then; otherwise it goes on there.
   */
  close(): void {
    this.#upload?.fail("The response is complete: the rest of the request's body is gone");
  }

  /** Nobody waits any more: request.signal aborts, and a streamed response is cancelled. */
  abort(reason: number): void {
    if (this.#aborted) return;
    this.#aborted = true;
    const message = ABORT_MESSAGES[reason] ?? "The exchange was given up";
    this.#onAbort?.();
    this.#upload?.fail(message);
    this.#reader?.cancel(new DOMException(message, "AbortError")).catch(() => {});
    this.#wake?.();
    this.#completed?.reject(new Error(message));
  }

  /** The streamed response is not wanted, and has done its duty all the same: the client has its answer. */
  cancelStream(): void {
    this.#credit = Infinity; // the stream ends at its next read
    this.#wake?.();
    this.#reader?.cancel(new DOMException("Nobody takes more of it", "AbortError")).catch(() => {});
    if (this.#waitsLate) {
      // The server may have been done with it before it was asked.
      this.settle(true);
      this.#waits = false;
    }
    this.#progress = "over";
  }

  get aborted(): boolean {
    return this.#aborted;
  }

  /** The response was sent, or not. */
  settle(sent: boolean): void {
    if (sent) this.#completed?.resolve();
    else this.#completed?.reject(new Error("The response could not be sent"));
  }

  /** RequestSource: the request's signal is looked at. */
  onAbort(callback: () => void): void {
    if (this.#aborted) callback();
    else this.#onAbort = callback;
  }

  #streamUpload(): () => ReadableStream<Uint8Array> {
    const upload = this.#upload = new UploadStream((bytes) => this.#queue.credit(this.id, bytes));
    return () => upload.readable;
  }
}

const ABORT_MESSAGES: Record<number, string> = {
  [AbortReason.client]: "The client went away",
  [AbortReason.timeout]: "The exchange took longer than the timeout",
  [AbortReason.stop]: "The server stops",
};
