/** A streamed response on its way from a thread to the client, under credit. */

import { STREAM_WINDOW_BYTES } from "../../protocol/queue/queue.ts";

/** What may wait in the server for a slow client; the rest of the window is under way. */
const HIGH_WATER_BYTES = STREAM_WINDOW_BYTES / 2;
/** Credit is given in steps of this, so that small chunks do not cost a message each. */
const CREDIT_STEP_BYTES = 32 * 1024;

/** Whose response it is. */
export interface StreamOwner {
  readonly info: Deno.ServeHandlerInfo;
  /** The client took so many bytes. */
  credit(bytes: number): void;
  clientGone(): void;
  /** The last byte is out. */
  finish(): void;
}

export class ResponseStream {
  readonly readable: ReadableStream<Uint8Array>;
  readonly #owner: StreamOwner;
  #controller!: ReadableStreamDefaultController<Uint8Array>;
  #received = 0;
  #credited = 0;
  /** No more comes; the queue may still hold a window's worth for a slow client. */
  #ended = false;
  /** It ends as broken, once what came before is taken. */
  #broken = false;

  constructor(owner: StreamOwner) {
    this.#owner = owner;
    this.readable = new ReadableStream<Uint8Array>({
      start: (controller) => void (this.#controller = controller),
      // Called whenever there is room: what is no longer in the stream's queue was taken by Deno.
      pull: () => this.#taken(),
      cancel: () => owner.clientGone(),
    }, { highWaterMark: HIGH_WATER_BYTES, size: (chunk) => chunk.byteLength });
    // Also of a stream that Deno does not cancel, as some of HTTP/2 that their client has reset.
    const over = () => this.#ended ? owner.finish() : owner.clientGone();
    owner.info.completed.then(over, over);
  }

  enqueue(bytes: Uint8Array): void {
    if (this.#ended || bytes.byteLength === 0) return;
    this.#received += bytes.byteLength;
    this.#controller.enqueue(bytes);
  }

  close(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#controller.close();
  }

  /**
   * The app broke off. The client gets what came before, as it takes it, and Deno then cuts the
   * connection, so that nobody takes it for complete (RFC 9112, 8).
   */
  fail(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#broken = true;
    // An error throws away what a stream holds: the last pull() makes it.
    if (this.#waiting === 0) this.cut();
  }

  /** Breaks it off now, with what the client has not taken. */
  cut(): void {
    this.#ended = true;
    this.#controller.error(new Error("The response broke off"));
  }

  /** Bytes that Deno has not taken. */
  get #waiting(): number {
    return HIGH_WATER_BYTES - (this.#controller.desiredSize ?? HIGH_WATER_BYTES);
  }

  #taken(): void {
    if (this.#broken && this.#waiting === 0) return this.cut();
    const owed = this.#received - this.#waiting - this.#credited;
    if (owed < CREDIT_STEP_BYTES) return;
    this.#credited += owed;
    this.#owner.credit(owed);
  }
}
