/** Exchanges through the queues: every request becomes an exchange of one thread. */

import type { Config } from "../../config/config.ts";
import { limitMs } from "../../config/limit_ms.ts";
import { announcedBody, requestBody } from "../../deno/request.ts";
import { clientName, methodAndPath } from "../../log/method_and_path.ts";
import type { Log } from "../../log/record.ts";
import { describe } from "../../log/uncaught.ts";
import type { AccessRecord } from "../exchange/access_record.ts";
import { AbortReason, MAX_WHOLE_BODY_BYTES, QueueIn } from "../../protocol/queue/queue.ts";
import { nextId } from "../../protocol/id_table.ts";
import type { Exchanging } from "../exchange/exchanging.ts";
import type { Dispatcher } from "./dispatcher.ts";
import { BodyRefusal, GuardedBody } from "../edge/guarded_body.ts";
import type { RequestHead } from "../edge/head_check.ts";
import { Exchange, type ExchangeEvents } from "../exchange/exchange.ts";
import { Patience } from "../exchange/patience.ts";
import { refuse } from "../edge/refusal.ts";
import type { Session } from "../session/session.ts";
import type { AppThread } from "../exchange/app_thread.ts";
import type { Pool } from "../threads/pool.ts";
import { Standstill } from "../threads/standstill.ts";
import { FetchPool } from "../fetch/pool.ts";
import { openSocket } from "../exchange/upgrade.ts";
import { WsgiPool } from "../wsgi/pool.ts";

/**
 * A thread hangs that has said nothing for as long as an exchange may take, and for this long after
 * one of its own has timed out, milliseconds.
 */
const HANG_MS = 400;
/** In the place of a time: it was found to hang. */
const HANGS = Infinity;

export class ThreadedDispatcher implements Dispatcher {
  readonly #config: Config;
  readonly #server: Exchanging;
  readonly #log: Log;
  readonly #pool: Pool;
  readonly #patience: Patience<Exchange>;
  readonly #writeMs: number;
  readonly #standstill = new Standstill();
  #lastId = 0;
  /** Threads under suspicion, and since when; those that were found to hang stay here. */
  readonly #suspects = new Map<AppThread, number>();

  readonly #events: ExchangeEvents = {
    onResponded: (exchange, status, headers) => {
      const { session } = exchange;
      if (session.endsWith(status) || this.#server.closesAfter(session)) {
        headers.push(["connection", "close"]);
      }
      exchange.activeAt = this.#server.now;
    },
    onUpgrade: (exchange, wish) => {
      try {
        openSocket(exchange, wish, this.#server.sockets, this.#writeMs);
      } catch (error) {
        this.#log.error(
          `Cannot upgrade ${methodAndPath(exchange.request)} to a WebSocket: ${error}`,
        );
        exchange.thread.post(QueueIn.abort, exchange.id, AbortReason.client);
        exchange.crashed();
      }
    },
    onFailed: ({ request }, error) => {
      this.#log.error(`Cannot answer ${methodAndPath(request)}: ${describe(error)}`);
    },
    onFinished: (exchange) => {
      this.#pool.release(exchange);
      this.#server.ended(exchange.session);
    },
  };

  constructor(config: Config, role: string, log: Log, server: Exchanging) {
    this.#config = config;
    this.#server = server;
    this.#log = log;
    this.#patience = new Patience(config, log, {
      onSlow: (exchange) => this.#pool.explain(exchange),
      onOverdue: (exchange) => this.#timedOut(exchange),
    });
    this.#writeMs = limitMs(config.write_timeout);
    const KindOfPool = config.interface === "wsgi" ? WsgiPool : FetchPool;
    this.#pool = new KindOfPool(config, role, log, {
      onDied: (thread, why) => {
        log.critical(`Thread ${thread.id} died: ${why}`);
        server.replaceMe(`thread ${thread.id} died`, "loss");
      },
      onExit: (thread, code) => {
        log.warning(`The app called Deno.exit(${code}) in thread ${thread.id}`);
        server.replaceMe(`the app called Deno.exit(${code})`, "loss");
      },
    });
  }

  load(): Promise<void> {
    return this.#pool.load();
  }

  handle(
    session: Session,
    request: Request,
    head: RequestHead,
    info: Deno.ServeHandlerInfo,
    access: AccessRecord | null,
  ): Response | Promise<Response> {
    const thread = this.#pool.choose(session, request);
    if (thread === null) {
      access?.refused(503);
      return refuse(503);
    }
    // A positive int32, as the words that it is kept in.
    const id = this.#lastId = nextId(this.#lastId);
    this.#server.began(session);
    return new Promise((resolve) => {
      const exchange = new Exchange(
        id,
        session,
        request,
        head,
        info,
        thread,
        this.#server.now,
        this.#events,
        resolve,
      );
      exchange.access = access;
      // Of a GET, too: an environ has it, and an IncomingMessage of node:http.
      const body = head.hasBody ? announcedBody(request) : requestBody(request);
      if (body === null || body instanceof Uint8Array) {
        this.#pool.dispatch(exchange, head.head, body);
      } else {
        const length = head.contentLength < 0 ? Infinity : head.contentLength;
        this.#dispatchWithBody(exchange, head.head, length, body);
      }
    });
  }

  get inFlight(): number {
    return this.#pool.inFlight;
  }

  get queued(): number {
    return this.#pool.queued;
  }

  get isOccupied(): boolean {
    return this.#pool.inFlight > 0 || this.#pool.calling.length > 0;
  }

  isBlocked(now: number): boolean {
    return this.#standstill.look(this.#pool.standing(), now);
  }

  get lingering(): number {
    return this.#pool.calling.filter((thread) => this.#suspects.get(thread) !== HANGS).length;
  }

  sweep(now: number): boolean {
    const { timeoutMs } = this.#patience;
    this.#patience.sweep(this.#pool.exchanges(), now);
    for (const [thread, what] of this.#pool.overdue(now, timeoutMs)) {
      if (this.#suspects.has(thread)) continue;
      this.#log.warning(`No return within ${this.#config.timeout} s from ${what}`);
      this.#suspect(thread, now);
    }
    for (const [thread, since] of this.#suspects) {
      if (thread.responsive) {
        this.#suspects.delete(thread);
      } else if (now - since > HANG_MS && thread.silentMs >= timeoutMs) {
        this.#suspects.set(thread, HANGS);
        this.#log.error(`Thread ${thread.id} hangs: no sign of life after a call took too long`);
        this.#server.replaceMe(`thread ${thread.id} hangs`, "hang");
      }
    }
    // After the suspects: it asks threads anew, and none is to be blamed for what it was asked just now.
    this.#pool.sweep();
    return this.#pool.inFlight > 0 || this.#pool.busy || this.#suspects.size > 0;
  }

  cut(): number {
    const exchanges = [...this.#pool.exchanges()];
    for (const exchange of exchanges) exchange.cut();
    return exchanges.length;
  }

  close(patienceMs: number): Promise<void> {
    return this.#pool.close(patienceMs);
  }

  terminate(): void {
    this.#pool.terminate();
  }

  /**
   * A body that is not all here: gathered if it is small, else streamed behind the head. `length`:
   * Infinity where it is not known before the end.
   */
  async #dispatchWithBody(
    exchange: Exchange,
    head: string,
    length: number,
    body: ReadableStream<Uint8Array>,
  ): Promise<void> {
    const bursts = length === Infinity && !exchange.session.expectChunks();
    const guarded = new GuardedBody(body, this.#config, this.#server.deadlines, exchange.session);
    const onProgress = () => exchange.activeAt = this.#server.now;
    try {
      if (length > MAX_WHOLE_BODY_BYTES) {
        this.#pool.dispatch(exchange, head, true);
        if (!await this.#pool.wantsBody(exchange)) return guarded.cancel();
        await exchange.upload(guarded, bursts, onProgress);
      } else {
        this.#pool.hold(exchange);
        const bytes = await gather(guarded, length, onProgress);
        if (!exchange.finished) this.#pool.dispatch(exchange, head, bytes);
      }
    } catch (error) {
      if (error instanceof BodyRefusal) this.#refuseBody(exchange, error);
      // The client left before its request was whole: nobody to answer, nothing to run.
      else exchange.clientGone();
    }
  }

  #refuseBody(exchange: Exchange, { status, message }: BodyRefusal): void {
    this.#log.debug(`${status} to ${clientName(exchange.remoteHost)}: ${message}`);
    if (!exchange.responded) exchange.refuse(status, AbortReason.client);
    // The app has answered already, and may yet finish: it learns of it where it reads.
    else exchange.thread.post(QueueIn.bodyFail, exchange.id, `Cannot read the request: ${message}`);
    this.#server.close(exchange.session, status === 413);
  }

  #timedOut(exchange: Exchange): void {
    // Asked before: it is forgotten when it is refused.
    const thread = this.#pool.locate(exchange);
    exchange.refuse(504, AbortReason.timeout);
    this.#suspect(thread, this.#server.now);
  }

  /** It hangs unless it soon gives a sign of life. */
  #suspect(thread: AppThread, now: number): void {
    if (this.#suspects.has(thread)) return;
    thread.ping();
    this.#suspects.set(thread, now);
  }
}

/** Reads a body of `length` bytes. */
async function gather(
  body: GuardedBody,
  length: number,
  onProgress: () => void,
): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  let at = 0;
  for (let chunk; (chunk = await body.read()) !== null;) {
    bytes.set(chunk, at);
    at += chunk.byteLength;
    onProgress();
  }
  return bytes;
}
