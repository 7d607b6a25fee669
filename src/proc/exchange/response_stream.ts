/** A streamed response on its way from a thread to the client, under credit. */

import { STREAM_WINDOW_BYTES } from "../../protocol/exchange.ts";

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
  #ended = false;

  constructor(owner: StreamOwner) {
    this.#owner = owner;
    this.readable = new ReadableStream<Uint8Array>({
      start: (controller) => void (this.#controller = controller),
      // Called whenever there is room: what is no longer in the stream's queue was taken by Deno.
      pull: () => this.#taken(),
      cancel: () => owner.clientGone(),
    }, { highWaterMark: HIGH_WATER_BYTES, size: (chunk) => chunk.byteLength });
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
    // The queue may still hold a window's worth for a slow client.
    const finish = () => this.#owner.finish();
    this.#owner.info.completed.then(finish, finish);
  }

  /** Ends it as broken: Deno cuts the connection, so that no client takes it for complete. */
  fail(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#controller.error(new Error("The response broke off"));
  }

  #taken(): void {
    const waiting = HIGH_WATER_BYTES - (this.#controller.desiredSize ?? 0);
    const owed = this.#received - waiting - this.#credited;
    if (owed < CREDIT_STEP_BYTES) return;
    this.#credited += owed;
    this.#owner.credit(owed);
  }
}
