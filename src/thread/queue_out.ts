/** The queue out, as the thread fills it: one method for each operation. */

import type { ExitCode } from "../errors.ts";
import type { Level } from "../log/record.ts";
import { QueueOut } from "../protocol/queue/queue.ts";
import { Outbox } from "../protocol/queue/outbox.ts";

/** Largest piece of a streamed response in one operation; larger chunks are split. */
const MAX_CHUNK_BYTES = 64 * 1024;
/** Bytes from which moving a whole body costs less than writing it into the message. */
const MOVED_BODY_BYTES = 48 * 1024;

export class ThreadQueueOut {
  readonly #outbox: Outbox;

  constructor(port: MessagePort) {
    this.#outbox = new Outbox((batch, transfer) => port.postMessage(batch, transfer));
  }

  /** The hot path, hence without a rest array. */
  respond(
    id: number,
    status: number,
    header: string,
    body: string | Uint8Array | true | null,
    flags: number,
  ): void {
    if (body instanceof Uint8Array && body.byteLength >= MOVED_BODY_BYTES) {
      // A copy, since a clone that the app has made of its response has the same bytes.
      body = Uint8Array.prototype.slice.call(body);
      this.#outbox.transfer(body);
    }
    this.#outbox.batch.push(QueueOut.respond, id, status, header, body, flags);
    this.#outbox.schedule();
  }

  /** More of a streamed response. The bytes are copied: they may be the app's own buffer. */
  chunk(id: number, bytes: Uint8Array): void {
    for (let from = 0; from < bytes.byteLength; from += MAX_CHUNK_BYTES) {
      // Not bytes.slice(): a Buffer's is a view of node's pool, which cannot be moved.
      const piece = Uint8Array.prototype.slice.call(bytes, from, from + MAX_CHUNK_BYTES);
      this.#outbox.push(QueueOut.chunk, id, piece);
      this.#outbox.transfer(piece);
    }
  }

  end(id: number): void {
    this.#outbox.push(QueueOut.end, id);
  }

  fail(id: number): void {
    this.#outbox.push(QueueOut.fail, id);
  }

  awaited(id: number): void {
    this.#outbox.push(QueueOut.awaited, id);
  }

  credit(id: number, bytes: number): void {
    this.#outbox.push(QueueOut.credit, id, bytes);
  }

  crashed(id: number): void {
    this.#outbox.push(QueueOut.crashed, id);
  }

  pong(number: number): void {
    this.#outbox.push(QueueOut.pong, number);
  }

  upgrade(id: number, header: string, protocol: string, idleTimeout: number): void {
    this.#outbox.push(QueueOut.upgrade, id, header, protocol, idleTimeout);
  }

  socketText(id: number, text: string): void {
    this.#outbox.batch.push(QueueOut.socketText, id, text);
    this.#outbox.schedule();
  }

  /** The bytes are the queue's own from now on. */
  socketBinary(id: number, bytes: Uint8Array<ArrayBuffer>, move: boolean): void {
    this.#outbox.batch.push(QueueOut.socketBinary, id, bytes);
    if (move) this.#outbox.transfer(bytes);
    this.#outbox.schedule();
  }

  socketClose(id: number, code: number, reason: string): void {
    this.#outbox.push(QueueOut.socketClose, id, code, reason);
  }

  socketTaken(id: number, cost: number): void {
    this.#outbox.push(QueueOut.socketTaken, id, cost);
  }

  log(level: Level, message: string): void {
    this.#outbox.push(QueueOut.log, level, message);
  }

  ready(): void {
    this.#outbox.push(QueueOut.ready);
  }

  bootFailed(exitCode: ExitCode, message: string, trace: string): void {
    this.#outbox.push(QueueOut.bootFailed, exitCode, message, trace);
  }

  /** Posts what there is now, rather than at the end of the turn. */
  flush(): void {
    this.#outbox.flush();
  }

  exit(code: number): void {
    this.#outbox.push(QueueOut.exit, code);
    this.#outbox.flush();
  }
}
