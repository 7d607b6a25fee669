/** `threads: 0`: the app runs in the server thread. No queue and the least cost; no isolation. */

import { loadFetchApp } from "../../app/fetch_app.ts";
import type { FetchHandler } from "../../app/fetch_handler.ts";
import { servedAddr } from "../../app/own_server.ts";
import { outliveErrors } from "../../app/uncaught.ts";
import type { Config } from "../../config/config.ts";
import { limitMs } from "../../config/limit_ms.ts";
import { announcedStream, streamedBody } from "../../deno/request.ts";
import { fastBytes } from "../../deno/response_parts.ts";
import type { Log } from "../../log/record.ts";
import { bodyCame } from "../../os/memory/young_garbage.ts";
import { IdTable, nextId } from "../../protocol/id_table.ts";
import type { RequestHead } from "../edge/head_check.ts";
import type { Session } from "../session/session.ts";
import { InlineUpgrades } from "../websocket/inline_socket.ts";
import type { AccessRecord } from "../exchange/access_record.ts";
import type { Exchanging } from "../exchange/exchanging.ts";
import type { Dispatcher } from "./dispatcher.ts";
import { InlineExchange, type InlineHost } from "../exchange/inline_exchange.ts";
import { isFastResponse, isPromise, partsOf } from "../exchange/inline_response.ts";
import { Patience } from "../exchange/patience.ts";
import { wholeResponse } from "../exchange/whole_response.ts";

export class InlineDispatcher implements Dispatcher {
  readonly #config: Config;
  readonly #log: Log;
  readonly #server: Exchanging;
  readonly #host: InlineHost;
  readonly #waiting = new IdTable<InlineExchange>();
  readonly #patience: Patience<InlineExchange>;
  readonly #upgrades: InlineUpgrades;
  #lastId = 0;
  #inFlight = 0;
  #app!: FetchHandler;

  constructor(config: Config, log: Log, server: Exchanging) {
    this.#config = config;
    this.#log = log;
    this.#server = server;
    this.#patience = new Patience(config, log, {
      onOverdue: (exchange) => exchange.giveUp(504),
    });
    this.#upgrades = new InlineUpgrades(server.sockets, {
      idleTimeout: config.websocket_idle_timeout,
      writeMs: limitMs(config.write_timeout),
    });
    this.#host = {
      config,
      log,
      server,
      upgrades: this.#upgrades,
      waiting: this.#waiting,
      onEnded: (session) => this.#ended(session),
    };
  }

  async load(): Promise<void> {
    const { app, bind } = this.#config;
    Deno.upgradeWebSocket = this.#upgrades.upgrade;
    this.#app = await loadFetchApp(app, this.#log, { addr: servedAddr(bind) });
    outliveErrors(this.#log);
  }

  handle(
    session: Session,
    request: Request,
    head: RequestHead,
    info: Deno.ServeHandlerInfo,
    access: AccessRecord | null,
  ): Response | Promise<Response> {
    this.#inFlight++;
    this.#server.began(session);
    let body = head.mayHaveBody ? streamedBody(request) : null;
    // Of a GET: fetch does not show it, node:http does.
    if (head.hasBody && !head.mayHaveBody && !head.asksSocket) body = announcedStream(request);
    if (body !== null || head.changed || head.asksSocket || access !== null) {
      return this.#exchange(session, request, info, access).run(this.#app, head, body);
    }
    return this.#answer(session, request, info);
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  get queued(): number {
    return 0;
  }

  get isOccupied(): boolean {
    return this.#inFlight > 0;
  }

  /** An app that blocks holds this thread up as well; the manager notices (blocked_procs.ts). */
  isBlocked(): boolean {
    return false;
  }

  readonly lingering = 0;

  sweep(now: number): boolean {
    this.#patience.sweep(this.#waiting.values(), now);
    return this.#inFlight > 0;
  }

  cut(): number {
    const cut = this.#inFlight;
    for (const exchange of this.#waiting.values()) exchange.giveUp(503);
    return cut;
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  terminate(): void {}

  /**
   * The hot path: a request that the app is shown as it came. An exchange is only made of it where
   * the app does not answer at once and whole.
   */
  #answer(
    session: Session,
    request: Request,
    info: Deno.ServeHandlerInfo,
  ): Response | Promise<Response> {
    try {
      const returned = this.#app(request, info);
      if (isPromise(returned)) return this.#exchange(session, request, info, null).wait(returned);
      const closes = this.#server.closesAfter(session);
      let response = returned;
      if (closes || !isFastResponse(returned, session)) {
        const parts = partsOf(returned, session, closes);
        const { status, fields, body } = parts;
        if (body instanceof ReadableStream) {
          return this.#exchange(session, request, info, null).respond(parts, returned);
        }
        response = wholeResponse(session, info, status, fields, body);
      } else {
        bodyCame(fastBytes(returned));
      }
      this.#ended(session);
      return response;
    } catch (error) {
      return this.#exchange(session, request, info, null).crash(error);
    }
  }

  #exchange(
    session: Session,
    request: Request,
    info: Deno.ServeHandlerInfo,
    access: AccessRecord | null,
  ): InlineExchange {
    const id = this.#lastId = nextId(this.#lastId);
    return new InlineExchange(id, session, request, info, access, this.#host);
  }

  #ended(session: Session): void {
    this.#inFlight--;
    this.#server.ended(session);
  }
}
