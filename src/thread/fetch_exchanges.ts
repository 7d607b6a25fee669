/** The exchanges of a fetch thread: each runs the app, and its response goes into the queue out. */

import type { FetchHandler } from "../app/fetch_handler.ts";
import { ServeHandlerInfo } from "../app/serve_info.ts";
import { traceOf } from "../app/trace.ts";
import { createRequest } from "../deno/app_request.ts";
import { methodAndPathOf } from "../log/method_and_path.ts";
import type { Log } from "../log/record.ts";
import { AbortReason } from "../protocol/queue/queue.ts";
import { IdTable } from "../protocol/id_table.ts";
import type { FetchExchange } from "./fetch_exchange.ts";
import type { ThreadQueueOut } from "./queue_out.ts";
import { GIVEN_UP, type Upgrades } from "./upgrade.ts";

export interface FetchExchangesOptions {
  readonly handler: FetchHandler;
  readonly queue: ThreadQueueOut;
  readonly upgrades: Upgrades;
  readonly log: Log;
}

export class FetchExchanges {
  readonly #handler: FetchHandler;
  readonly #queue: ThreadQueueOut;
  readonly #upgrades: Upgrades;
  readonly #log: Log;
  /** Those of which something may still arrive. */
  readonly #exchanges = new IdTable<FetchExchange>();

  constructor({ handler, queue, upgrades, log }: FetchExchangesOptions) {
    this.#handler = handler;
    this.#queue = queue;
    this.#upgrades = upgrades;
    this.#log = log;
  }

  get(id: number): FetchExchange | undefined {
    return this.#exchanges.get(id);
  }

  /** Has the app answer. */
  run(exchange: FetchExchange): void {
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

  /** It was given up, or the rest of it is not wanted; `reason`: an AbortReason. */
  abort(id: number, reason: number): void {
    const exchange = this.#exchanges.get(id);
    // The client has its answer, and whoever waits to hear so still will.
    if (reason === AbortReason.whole) return exchange?.cancelStream();
    if (reason === AbortReason.answered) return exchange?.close();
    if (exchange === undefined) return this.#upgrades.abandoned(id);
    this.#exchanges.delete(id);
    exchange.abort(reason);
    this.#upgrades.fail(exchange, GIVEN_UP);
  }

  /** The response was sent, or not: the end of an exchange that was waited for. */
  settle(id: number, sent: boolean): void {
    const exchange = this.#exchanges.get(id);
    this.#exchanges.delete(id);
    exchange?.settle(sent);
    exchange?.close();
  }

  /** A fault of ours in an operation on it: it ends here, at both ends of the queues. */
  fail(id: number): void {
    if (this.#exchanges.get(id) === undefined) return;
    // Of these the server heeds the one that fits: before the response, or within it.
    this.#queue.crashed(id);
    this.#queue.fail(id);
    this.abort(id, AbortReason.client);
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
}
