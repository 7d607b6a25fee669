/** The queue in, as a fetch thread takes from it: batch by batch, and each operation where it belongs. */

import { setImmediate } from "node:timers";
import type { Log } from "../log/record.ts";
import { describe } from "../log/uncaught.ts";
import { mayBegin } from "../protocol/queue/claims.ts";
import { INTERNAL_ERROR } from "../protocol/close_codes.ts";
import { type Batch, QUEUE_IN_OPERANDS, QueueIn } from "../protocol/queue/queue.ts";
import { FetchExchange } from "./fetch_exchange.ts";
import type { FetchExchanges } from "./fetch_exchanges.ts";
import type { ThreadQueueOut } from "./queue_out.ts";
import type { Upgrades } from "./upgrade.ts";

/**
 * After so long the rest of a batch is left for the next turn of the event loop, milliseconds. What
 * the app has promised is settled between the turns: otherwise the first answer would wait for all
 * exchanges of its batch, and the thread be taken for one that hangs.
 */
const SLOW_MS = 5;

export interface ThreadQueueInOptions {
  readonly exchanges: FetchExchanges;
  readonly upgrades: Upgrades;
  /** For what is answered at once. */
  readonly queue: ThreadQueueOut;
  /** Of the proc: see claims.ts. */
  readonly claims: Int32Array;
  readonly log: Log;
}

export class ThreadQueueIn {
  readonly #exchanges: FetchExchanges;
  readonly #upgrades: Upgrades;
  readonly #queue: ThreadQueueOut;
  readonly #claims: Int32Array;
  readonly #log: Log;
  /** What was left for later turns; the first is next. */
  #left: Batch[] = [];
  #wasSlow = false;

  constructor({ exchanges, upgrades, queue, claims, log }: ThreadQueueInOptions) {
    this.#exchanges = exchanges;
    this.#upgrades = upgrades;
    this.#queue = queue;
    this.#claims = claims;
    this.#log = log;
  }

  /** Takes one message: many operations, laid out as in protocol/queue/queue.ts. */
  receive(batch: Batch): void {
    // Behind what was left: operations keep their order.
    if (this.#left.length > 0) this.#left.push(batch);
    else this.#take(batch);
  }

  #leave(rest: Batch): void {
    this.#left.unshift(rest);
    if (this.#left.length === 1) setImmediate(this.#resume);
  }

  readonly #resume = (): void => {
    const [batch = [], ...others] = this.#left;
    this.#left = [];
    this.#take(batch);
    if (this.#left.length === 0 && others.length > 0) setImmediate(this.#resume);
    this.#left.push(...others);
  };

  #take(batch: Batch): void {
    // Answers to the slow ones before are out before others can keep them waiting.
    if (this.#wasSlow) this.#queue.flush();
    this.#wasSlow = false;
    const since = performance.now();
    let done = 0;
    for (let at = 0; at < batch.length;) {
      const operation = batch[at] as number;
      const operands = QUEUE_IN_OPERANDS[operation];
      if (operands === undefined) throw new Error(`Unknown operation in a queue in: ${operation}`);
      try {
        this.#obey(operation, batch, at + 1);
      } catch (error) {
        // It costs the one exchange that it is about, and not what the others behind it wait for.
        this.#failed(batch[at + 1] as number, error);
      }
      at += 1 + operands;
      if (operation !== QueueIn.exchange) continue;
      // Asked after the 1st, 2nd, 4th, 8th … and the last: the clock costs a sixth of a microsecond.
      done++;
      if (
        ((done & (done - 1)) === 0 || at >= batch.length) && performance.now() - since > SLOW_MS
      ) {
        this.#wasSlow = true;
        if (at < batch.length) return this.#leave(batch.slice(at));
      }
    }
  }

  /** Operands are taken from `i` on. What is no longer there has come to its end meanwhile. */
  #obey(operation: number, batch: Batch, i: number): void {
    const exchanges = this.#exchanges;
    const upgrades = this.#upgrades;
    switch (operation) {
      case QueueIn.exchange:
        if (!mayBegin(this.#claims, batch[i + 5] as number)) return;
        return exchanges.run(
          new FetchExchange(
            batch[i] as number,
            batch[i + 1] as string,
            batch[i + 2] as string,
            batch[i + 3] as number,
            batch[i + 4] as Uint8Array | true | null,
            this.#queue,
          ),
        );
      case QueueIn.bodyChunk:
        return exchanges.get(batch[i] as number)?.bodyChunk(batch[i + 1] as Uint8Array);
      case QueueIn.bodyEnd:
        return exchanges.get(batch[i] as number)?.bodyEnd();
      case QueueIn.bodyFail:
        return exchanges.get(batch[i] as number)?.bodyFail(batch[i + 1] as string);
      case QueueIn.credit:
        return exchanges.get(batch[i] as number)?.credit(batch[i + 1] as number);
      case QueueIn.abort:
        return exchanges.abort(batch[i] as number, batch[i + 1] as number);
      case QueueIn.completed:
        return exchanges.settle(batch[i] as number, batch[i + 1] === 1);
      case QueueIn.ping:
        return this.#queue.pong(batch[i] as number);
      case QueueIn.socketOpen:
        exchanges.settle(batch[i] as number, true);
        return upgrades.get(batch[i] as number)?.opened();
      case QueueIn.socketText:
      case QueueIn.socketBinary:
        return upgrades.get(batch[i] as number)?.message(batch[i + 1] as string | ArrayBuffer);
      case QueueIn.socketSent:
        return upgrades.get(batch[i] as number)?.sent(batch[i + 1] as number);
      case QueueIn.socketClosed:
        exchanges.settle(batch[i] as number, false);
        return upgrades.closed(
          batch[i] as number,
          batch[i + 1] as number,
          batch[i + 2] as string,
          batch[i + 3] === 1,
          batch[i + 4] as string,
        );
    }
  }

  /**
   * What can fail has the id of an exchange, or of the WebSocket that came of it, as its first operand.
   * Either ends here, at both ends of the queues.
   */
  #failed(id: number, error: unknown): void {
    this.#log.error(`A fault of denicorn's own: ${describe(error)}`);
    if (this.#upgrades.get(id) !== undefined) this.#queue.socketClose(id, ...INTERNAL_ERROR);
    this.#exchanges.fail(id);
  }
}
