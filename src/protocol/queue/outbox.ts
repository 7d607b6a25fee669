/** The sending end of a queue: gathers operations and posts them as one message. */

import { setImmediate } from "node:timers";
import type { Batch } from "./queue.ts";

/**
 * Collects the operations of one turn of the event loop and posts them together in setImmediate, so
 * that batches form by themselves under load: about 20 exchanges a message at 64 connections, and
 * still one message at once when there is only one. (setTimeout(0) would cost a millisecond a turn.)
 */
export class Outbox {
  readonly #post: (batch: Batch, transfer: Transferable[]) => void;
  #batch: Batch = [];
  #transfer: Transferable[] = [];
  #scheduled = false;
  readonly #flush = () => this.flush();

  constructor(post: (batch: Batch, transfer: Transferable[]) => void) {
    this.#post = post;
  }

  /** Adds one operation with its operands. */
  push(...operation: unknown[]): void {
    for (let i = 0; i < operation.length; i++) this.#batch.push(operation[i]);
    this.schedule();
  }

  /** Adds `bytes` as an operand's buffer to be moved instead of copied. They are gone afterwards. */
  transfer(bytes: Uint8Array | ArrayBuffer): void {
    this.#transfer.push(bytes instanceof ArrayBuffer ? bytes : bytes.buffer as ArrayBuffer);
  }

  /** The open batch, for hot code that pushes operands one by one: call schedule() behind them. */
  get batch(): Batch {
    return this.#batch;
  }

  schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(this.#flush);
  }

  /** Posts what there is, now. */
  flush(): void {
    this.#scheduled = false;
    if (this.#batch.length === 0) return;
    const batch = this.#batch;
    const transfer = this.#transfer;
    this.#batch = [];
    this.#transfer = [];
    this.#post(batch, transfer);
  }
}
