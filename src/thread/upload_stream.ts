/** A streamed request body in the thread, under credit. */

import { endBytes, giveBytes } from "../deno/byte_stream.ts";
import { chunkCame } from "../os/memory/young_garbage.ts";
import { STREAM_WINDOW_BYTES } from "../protocol/queue/queue.ts";

/** Credit is given in steps of this, so that small chunks do not cost a message each. */
const CREDIT_STEP_BYTES = STREAM_WINDOW_BYTES / 4;

export class UploadStream {
  readonly readable: ReadableStream<Uint8Array>;
  #failure: Error | null = null;
  #controller!: ReadableByteStreamController;
  #ended = false;
  /** It is complete, and its reader has still to take what is queued. */
  #closing = false;
  #received = 0;
  #credited = 0;

  /** `onTaken` is called with the bytes that the app took since the last call. */
  constructor(onTaken: (bytes: number) => void) {
    this.readable = new ReadableStream({
      type: "bytes",
      start: (controller) => void (this.#controller = controller),
      // Called when the app waits for more: all that came before is taken.
      pull: () => {
        if (this.#closing) return endBytes(this.#controller);
        const owed = this.#received - this.#credited;
        if (owed < CREDIT_STEP_BYTES) return;
        this.#credited += owed;
        onTaken(owed);
      },
      // What still comes is dropped in enqueue(); the window is opened so that it can.
      cancel: () => {
        this.#ended = true;
      },
    });
  }

  enqueue(bytes: Uint8Array): void {
    if (this.#ended) return;
    this.#received += bytes.byteLength;
    chunkCame(bytes.byteLength);
    giveBytes(this.#controller, bytes);
  }

  close(): void {
    if (this.#ended) return;
    this.#ended = true;
    // Closed with bytes in the queue, a stream fails a reader whose `min` is more than they are (Streams
    // standard, ReadableByteStreamControllerPullInto): it ends when somebody waits for more than them.
    // Of an empty queue somebody may wait already, and pull() is not called again.
    if (this.#controller.desiredSize === 0) endBytes(this.#controller);
    else this.#closing = true;
  }

  fail(message: string): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#failure = new Error(message);
    this.#controller.error(this.#failure);
  }

  /** Whether it broke off, and this is what its reader was told. */
  failedWith(error: unknown): boolean {
    return this.#failure !== null && error === this.#failure;
  }
}
