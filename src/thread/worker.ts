/** A fetch thread at work: takes exchanges from the queue in, runs the app, fills the queue out. */

import { setImmediate } from "node:timers";
import type { FetchHandler } from "../app/fetch_app.ts";
import { ServeHandlerInfo } from "../app/serve_info.ts";
import { traceOf } from "../app/trace.ts";
import { createRequest } from "../deno/app_request.ts";
import { methodAndPathOf } from "../log/method_and_path.ts";
import type { Log } from "../log/record.ts";
import { describe } from "../log/uncaught.ts";
import { mayBegin } from "../protocol/queue/claims.ts";
import { INTERNAL_ERROR } from "../protocol/close_codes.ts";
import { AbortReason, type Batch, QUEUE_IN_OPERANDS, QueueIn } from "../protocol/queue/queue.ts";
import { IdTable } from "../protocol/id_table.ts";
import { FetchExchange } from "./fetch_exchange.ts";
import type { ThreadQueueOut } from "./queue_out.ts";
import type { Upgrades } from "./upgrade.ts";

/**
 * After so long the rest of a batch is left for the next turn of the event loop, milliseconds. What
 * the app has promised is settled between the turns: otherwise the first answer would wait for all
 * exchanges of its batch, and the thread be taken for one that hangs.
 */
const SLOW_MS = 5;

export class FetchWorker {
  readonly #handler: FetchHandler;
  readonly #queue: ThreadQueueOut;
  readonly #claims: Int32Array;
  readonly #log: Log;
  /** Exchanges of which something may still arrive. */
  readonly #exchanges = new IdTable<FetchExchange>();
  readonly #upgrades: Upgrades;
  /** What was left for later turns; the first is next. */
  #left: Batch[] = [];
  #wasSlow = false;

  constructor(
    handler: FetchHandler,
    queue: ThreadQueueOut,
    claims: Int32Array,
    upgrades: Upgrades,
    log: Log,
  ) {
    this.#claims = claims;
    this.#handler = handler;
    this.#queue = queue;
    this.#upgrades = upgrades;
    this.#log = log;
  }

  /** Takes one message of the queue in: many operations, laid out as in protocol/queue/queue.ts. */
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
        return this.#run(
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
        return this.#abort(batch[i] as number, batch[i + 1] as number);
      case QueueIn.completed:
        return this.#settle(batch[i] as number, batch[i + 1] === 1);
      case QueueIn.ping:
        return this.#queue.pong(batch[i] as number);
      case QueueIn.socketOpen:
        this.#settle(batch[i] as number, true);
        return upgrades.get(batch[i] as number)?.opened();
      case QueueIn.socketText:
      case QueueIn.socketBinary:
        return upgrades.get(batch[i] as number)?.message(batch[i + 1] as string | ArrayBuffer);
      case QueueIn.socketSent:
        return upgrades.get(batch[i] as number)?.sent(batch[i + 1] as number);
      case QueueIn.socketClosed:
        this.#settle(batch[i] as number, false);
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
    if (this.#exchanges.get(id) === undefined) return;
    // Of these the server heeds the one that fits: before the response, or within it.
    this.#queue.crashed(id);
    this.#queue.fail(id);
    this.#abort(id, AbortReason.client);
  }

  #run(exchange: FetchExchange): void {
    this.#exchanges.set(exchange.id, exchange);
    try {
      const info = new ServeHandlerInfo(exchange) as Deno.ServeHandlerInfo;
      const returned = this.#handler(createRequest(exchange), info);
      if (returned instanceof Response) this.#respond(exchange, returned);
      else this.#respondLater(exchange, returned);
    } catch (error) {
      this.#crashed(exchange, error);
    }
  }

  async #respondLater(exchange: FetchExchange, returned: unknown): Promise<void> {
    try {
      this.#respond(exchange, await returned);
    } catch (error) {
      this.#crashed(exchange, error);
    }
  }

  #respond(exchange: FetchExchange, response: unknown): void {
    if (exchange.aborted) {
      // Late: the server has answered in our place, or nobody listens. Its body is let go.
      if (response instanceof Response && !response.bodyUsed) {
        response.body?.cancel().catch(() => {}); // the app may hold a reader
      }
      return;
    }
    if (exchange.upgrade !== null && this.#upgrades.complete(exchange, response)) {
      return this.#forget(exchange);
    }
    const streams = exchange.respond(response);
    if (streams) {
      exchange.stream((error) => this.#logFailure(exchange, error))
        .then(() => this.#forget(exchange));
    } else {
      this.#forget(exchange);
    }
  }

  /** The app failed: the client gets a 500 without details, the error log gets them. */
  #crashed(exchange: FetchExchange, error: unknown): void {
    // The server says when the 500 is out, to an app that waits for it.
    if (exchange.aborted || !exchange.waitsForCompletion) this.#exchanges.delete(exchange.id);
    if (exchange.aborted) return;
    this.#upgrades.fail(exchange, "the app failed before the WebSocket was open");
    this.#logFailure(exchange, error);
    this.#queue.crashed(exchange.id);
  }

  #logFailure(exchange: FetchExchange, error: unknown): void {
    this.#log.error(`${methodAndPathOf(exchange.head)} failed: ${traceOf(error)}`);
  }

  /** Nothing follows, unless the app waits to hear that its response is out. */
  #forget(exchange: FetchExchange): void {
    if (exchange.waitsForCompletion) return;
    this.#exchanges.delete(exchange.id);
    exchange.close();
  }

  #abort(id: number, reason: number): void {
    const exchange = this.#exchanges.get(id);
    if (exchange === undefined) return;
    // The client has its answer, and whoever waits to hear so still will.
    if (reason === AbortReason.head) return exchange.cancelStream();
    if (reason === AbortReason.answered) return exchange.close();
    this.#exchanges.delete(id);
    exchange.abort(reason);
    this.#upgrades.fail(exchange, "the request was given up before the WebSocket was open");
  }

  #settle(id: number, sent: boolean): void {
    const exchange = this.#exchanges.get(id);
    this.#exchanges.delete(id);
    exchange?.settle(sent);
    exchange?.close();
  }
}
