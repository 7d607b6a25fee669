/** A WSGI thread, seen from its server: the Web Worker, its rings and words (protocol/wsgi/wsgi.ts). */

import type { Config } from "../../config/config.ts";
import { AppLoadError, BootError, ExitCode } from "../../errors.ts";
import { LEVELS, type Log } from "../../log/record.ts";
import { describe } from "../../log/uncaught.ts";
import { createRing, RingReader } from "../../protocol/wsgi/byte_ring.ts";
import type { CommonQueueMemory } from "../../protocol/wsgi/common_queue.ts";
import { QueueIn } from "../../protocol/queue/queue.ts";
import { parseFields } from "../../protocol/head.ts";
import type { IdTable } from "../../protocol/id_table.ts";
import {
  PLAIN_WORDS,
  RESPOND_WORDS,
  RING_IN_BYTES,
  RING_OUT_BYTES,
  VALUE_WORDS,
  WsgiBody,
  type WsgiBoot,
  WsgiIn,
  type WsgiNews,
  WsgiOut,
} from "../../protocol/wsgi/wsgi.ts";
import { pointerOf, textFrom } from "../../python/memory.ts";
import type { Exchange } from "../exchange/exchange.ts";
import type { AppThread } from "../exchange/app_thread.ts";
import { startThread } from "../threads/start_thread.ts";
import { HeldResponse } from "./held_response.ts";
import { Owed } from "./owed.ts";
import { RingIn } from "./ring_in.ts";
import { Slab } from "./slab.ts";
import { Words } from "./words.ts";
import type { ServerSocket } from "../websocket/websocket.ts";

export interface WsgiThreadEvents {
  /** A thread has something for a server that sleeps. */
  onWake(): void;
  /** The app begins to read the body of this exchange. */
  onReceive(exchange: Exchange): void;
  /** There is something new for threads of the app's own that wait for a thread's rings. */
  onGuests(): void;
  /** The thread begins to read what a WebSocket's callback is to be told. */
  onSocketReceive(thread: WsgiThread, id: number): void;
  /** The app makes a WebSocket of this exchange, if it is still there. */
  onUpgrade(exchange: Exchange | undefined, id: number, protocol: string): void;
  onDied(thread: WsgiThread, why: string): void;
}

export interface WsgiThreadOptions {
  readonly id: number;
  readonly role: string;
  readonly config: Config;
  readonly library: string;
  readonly queue: CommonQueueMemory;
  /** All exchanges in flight, of all threads. */
  readonly exchanges: Pick<IdTable<Exchange>, "get">;
  readonly log: Log;
}

/** The head of a response, as it was sent once; the thread then sends its number alone. */
interface Head {
  readonly status: number;
  readonly fields: readonly [string, string][];
}

const WORD = 4;

export class WsgiThread implements AppThread {
  readonly id: number;
  /** None: those of a WSGI app are all threads', hence the pool's. */
  readonly sockets = new Map<number, ServerSocket>();
  alive = true;
  readonly #exchanges: Pick<IdTable<Exchange>, "get">;
  readonly #events: WsgiThreadEvents;
  readonly #log: Log;
  readonly #worker: Worker;
  readonly #port: MessagePort;
  readonly #out: RingReader;
  readonly #outMemory: Deno.PointerObject;
  readonly #in: RingIn;
  readonly #words: Words;
  readonly #owed: Owed;
  readonly #heads: Head[] = [];
  readonly #slab = new Slab();
  readonly #held = new HeldResponse();
  readonly #decoder = new TextDecoder();
  #suspect = 0;
  #answered = 0;
  readonly #ready = Promise.withResolvers<void>();
  readonly #left = Promise.withResolvers<void>();
  readonly #ended = Promise.withResolvers<void>();

  constructor(options: WsgiThreadOptions, events: WsgiThreadEvents) {
    this.id = options.id;
    this.#exchanges = options.exchanges;
    this.#events = events;
    this.#log = options.log;
    this.#ready.promise.catch(() => {});
    this.#words = new Words(events.onGuests);
    this.#owed = new Owed(this.#words);
    const [ringOut, ringIn] = [createRing(RING_OUT_BYTES), createRing(RING_IN_BYTES)];
    this.#out = new RingReader(ringOut);
    this.#outMemory = pointerOf(this.#out.bytes);
    this.#in = new RingIn(ringIn, this.#words);
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    port1.onmessage = ({ data }) => data === 0 ? events.onWake() : this.#hear(data as WsgiNews);
    this.#worker = startThread(new URL("../../thread/wsgi_main.ts", import.meta.url), {
      type: "module",
      name: options.role,
    });
    this.#worker.onerror = (event) => {
      // Otherwise the error would end the whole process.
      event.preventDefault();
      this.#died(event.message);
    };
    const { id, config, library, queue } = options;
    const words = this.#words.memory;
    const boot: WsgiBoot = { port: port2, id, config, library, queue, ringOut, ringIn, words };
    this.#worker.postMessage(boot, [port2]);
  }

  /** Resolves when the app is loaded; rejects with AppLoadError or BootError. */
  get ready(): Promise<void> {
    return this.#ready.promise;
  }

  /** Resolves when the thread has left the common queue. */
  get left(): Promise<void> {
    return this.#left.promise;
  }

  /** Id of the exchange that it runs, 0 for none. */
  get current(): number {
    return this.#words.current;
  }

  /** Id of the exchange whose response it has begun last. */
  get answered(): number {
    return this.#answered;
  }

  /** For how long it has run what it runs: CallWatch's. */
  silentMs = 0;

  get responsive(): boolean {
    return this.#suspect === 0 || this.#suspect !== this.current;
  }

  /** A thread that blocks answers by coming to the end of what it runs. */
  ping(): void {
    this.#suspect = this.current;
  }

  post(operation: number, id: number, value?: unknown): void {
    switch (operation) {
      case QueueIn.abort:
        return this.#words.abort(id);
      case QueueIn.credit:
        return this.#owed.credit(id, value as number);
      case QueueIn.bodyEnd:
        return this.#in.send(WsgiIn.end, id);
      case QueueIn.bodyFail:
        return this.#in.send(WsgiIn.fail, id);
    }
  }

  /** More of a request's body. */
  postBytes(_operation: number, id: number, bytes: Uint8Array): void {
    this.#in.chunk(id, bytes);
  }

  postBuffer(): never {
    throw new Error("The WebSockets of a WSGI app are the pool's");
  }

  /**
   * The exchange is over: what its client has not taken yet is no longer held against the thread. An app
   * that goes on reading the request is not to wait for what it does not get.
   */
  forget(id: number): void {
    this.#owed.settle(id);
    if (this.#in.forget(id)) this.#words.abort(id);
  }

  /** Handles all that the thread has written. */
  read(): void {
    const ring = this.#out;
    while (ring.next()) {
      try {
        this.#handle(ring.at, ring.length);
      } catch (error) {
        // It costs the one exchange that it is about; without done() it would be read for ever.
        this.#failed(ring.words[(ring.at >> 2) + 1]!, error);
      }
      ring.done();
    }
    this.#held.release();
  }

  #failed(id: number, error: unknown): void {
    const exchange = this.#exchanges.get(id);
    if (exchange === undefined) this.#log.error(`A fault of denicorn's own: ${describe(error)}`);
    exchange?.failed(error);
  }

  /** Runs what the app wants to have run at the end; only for a thread that has left. */
  end(patienceMs: number): Promise<void> {
    this.#port.postMessage(patienceMs);
    return this.#ended.promise;
  }

  terminate(): void {
    this.alive = false;
    this.#port.close();
    this.#worker.terminate();
  }

  #handle(at: number, length: number): void {
    const { words, bytes } = this.#out;
    const word = at >> 2;
    const id = words[word + 1]!;
    // An exchange that is no longer there was given up: what is still said of it is dropped.
    const exchange = this.#exchanges.get(id);
    if (exchange !== undefined) exchange.thread = this;
    switch (words[word]) {
      case WsgiOut.respond:
        return this.#respond(exchange, id, at, length);
      case WsgiOut.chunk: {
        const from = at + PLAIN_WORDS * WORD;
        const size = length - PLAIN_WORDS * WORD;
        if (exchange === undefined) {
          this.#words.abort(id);
          return this.#words.grant(size);
        }
        if (!this.#owed.add(id, size)) return;
        return this.#held.chunk(exchange, this.#slab.copy(bytes, from, size));
      }
      case WsgiOut.end:
        this.#owed.settle(id);
        return exchange && this.#held.end(exchange);
      case WsgiOut.fail:
        this.#held.release();
        this.#owed.settle(id);
        return exchange?.fail();
      case WsgiOut.crashed:
        return exchange?.crashed();
      case WsgiOut.receive:
        if (exchange !== undefined) return this.#events.onReceive(exchange);
        return this.#events.onSocketReceive(this, id);
      case WsgiOut.received:
        exchange?.uploadCredit(words[word + 2]!);
        return this.#in.pump();
      case WsgiOut.upgrade: {
        const text = bytes.slice(at + PLAIN_WORDS * WORD, at + length);
        return this.#events.onUpgrade(exchange, id, this.#decoder.decode(text));
      }
      case WsgiOut.log: {
        const text = bytes.slice(at + VALUE_WORDS * WORD, at + length);
        return this.#log[LEVELS[words[word + 2]!]!](this.#decoder.decode(text));
      }
      default:
        throw new Error(`Unknown operation in a ring out: ${words[word]}`);
    }
  }

  #respond(exchange: Exchange | undefined, id: number, at: number, length: number): void {
    const { words, bytes } = this.#out;
    const word = at >> 2;
    const number = words[word + 2]!;
    const headBytes = words[word + 3]!;
    const from = at + RESPOND_WORDS * WORD;
    if (headBytes > 0) this.#heads[number] = this.#parse(bytes.slice(from, from + headBytes));
    this.#answered = id;
    if (exchange === undefined) return;
    const { status, fields } = this.#heads[number]!;
    const kind = words[word + 4]!;
    if (kind === WsgiBody.streamed) {
      this.#owed.begin(id);
      this.#held.begin(exchange, status, fields.slice());
    } else {
      const size = length - RESPOND_WORDS * WORD - headBytes;
      exchange.respond(status, fields.slice(), this.#body(kind, from + headBytes, size), 0);
    }
  }

  #body(kind: number, at: number, size: number): string | Uint8Array | null {
    if (kind === WsgiBody.ascii) {
      const text = textFrom(this.#outMemory, at);
      size--;
      // A NUL within the body has cut it short.
      if (text.length === size) return text;
    }
    return size === 0 ? null : this.#slab.copy(this.#out.bytes, at, size);
  }

  #parse(bytes: Uint8Array): Head {
    const text = this.#decoder.decode(bytes);
    return { status: Number(text.slice(0, 3)), fields: parseFields(text, 4) };
  }

  #hear(news: WsgiNews): void {
    switch (news.type) {
      case "ready":
        return this.#ready.resolve();
      case "boot_failed": {
        const { exitCode, message, trace } = news;
        return this.#ready.reject(
          exitCode === ExitCode.app ? new AppLoadError(message, trace) : new BootError(message),
        );
      }
      case "left":
        return this.#left.resolve();
      case "ended":
        return this.#ended.resolve();
    }
  }

  #died(why: string): void {
    if (!this.alive) return;
    this.alive = false;
    this.#ready.reject(new BootError(`A thread died while it loaded the app: ${why}`));
    this.#left.resolve();
    this.#ended.resolve();
    this.#exchanges.get(this.current)?.crashed();
    this.#events.onDied(this, why);
  }
}
