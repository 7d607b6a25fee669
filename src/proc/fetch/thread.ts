/** A fetch thread, seen from its server: the Web Worker, its queues, and what is in flight on it. */

import type { Config } from "../../config/config.ts";
import { AppLoadError, BootError, ExitCode } from "../../errors.ts";
import type { Level, Log } from "../../log/record.ts";
import { describe } from "../../log/uncaught.ts";
import { bodyCame, chunkCame } from "../../os/memory/young_garbage.ts";
import { INTERNAL_ERROR } from "../../protocol/close_codes.ts";
import {
  type Batch,
  QUEUE_OUT_OPERANDS,
  QueueIn,
  QueueOut,
  type ThreadBoot,
} from "../../protocol/queue/queue.ts";
import { parseFields } from "../../protocol/head.ts";
import { IdTable } from "../../protocol/id_table.ts";
import { Outbox } from "../../protocol/queue/outbox.ts";
import { SLOT_MS } from "../edge/deadlines.ts";
import type { Exchange } from "../exchange/exchange.ts";
import type { AppThread } from "../exchange/app_thread.ts";
import { startThread } from "../threads/start_thread.ts";
import type { Standing } from "../threads/standstill.ts";
import type { ServerSocket } from "../websocket/websocket.ts";

export interface FetchThreadEvents {
  /** The thread is gone, with what was in flight on it. */
  onDied(thread: FetchThread, why: string): void;
  /** The app called Deno.exit(code). */
  onExit(thread: FetchThread, code: number): void;
}

export interface FetchThreadOptions {
  /** From 1. */
  readonly id: number;
  /** What the thread is called in the log. */
  readonly role: string;
  readonly config: Config;
  /** Of the proc: see protocol/queue/claims.ts. */
  readonly claims: Int32Array;
  readonly log: Log;
}

const MAIN = import.meta.resolve("../../thread/main.ts");

/**
 * A module that imports the entry, rather than the entry: against its worker's own URL Deno resolves
 * what an app gives to fetch(), Request and Response.redirect(), and "/x" would be a file. It is no
 * URL at all under `deno run`, and nothing resolves against this one. A compiled binary takes the
 * entry as it was named to `deno compile`.
 */
const ENTRY = Deno.build.standalone
  ? MAIN
  : URL.createObjectURL(new Blob([`import ${JSON.stringify(MAIN)};`], { type: "text/javascript" }));

export class FetchThread implements AppThread {
  readonly id: number;
  /** Exchanges in flight; those that it has not begun yet among them. */
  readonly exchanges = new IdTable<Exchange>();
  /** WebSockets whose app it runs, by the id of the exchange that they came from. */
  readonly sockets = new Map<number, ServerSocket>();
  alive = true;
  /** Something was put into its queue in since the last sweep: it may be what keeps it busy. */
  told = false;
  /** Sweeps since it was asked for a sign of life, while it said nothing; see thread_watch.ts. */
  unheardSweeps = 0;

  /** Something was put into its queue in that it has not been asked about: see standing(). */
  #unasked = false;
  #heard = false;
  readonly #worker: Worker;
  readonly #port: MessagePort;
  readonly #outbox: Outbox;
  readonly #events: FetchThreadEvents;
  readonly #log: Log;
  readonly #ready = Promise.withResolvers<void>();
  #pingSent = 0;
  #pongSeen = 0;

  constructor({ id, role, config, claims, log }: FetchThreadOptions, events: FetchThreadEvents) {
    this.id = id;
    this.#events = events;
    this.#log = log;
    this.#ready.promise.catch(() => {});
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    this.#outbox = new Outbox((batch, transfer) => port1.postMessage(batch, transfer));
    port1.onmessage = (event) => this.#receive(event.data as Batch);
    this.#worker = startThread(ENTRY, {
      type: "module",
      name: role,
      ...(config.app_permissions === null
        ? {}
        : { deno: { permissions: config.app_permissions as Deno.PermissionOptions } }),
    });
    this.#worker.onerror = (event) => {
      // Otherwise the error would end the whole process.
      event.preventDefault();
      this.#died(event.message);
    };
    const boot: ThreadBoot = { port: port2, role, config, claims };
    this.#worker.postMessage(boot, [port2]);
  }

  /** Resolves when the app is loaded; rejects with AppLoadError or BootError. */
  get ready(): Promise<void> {
    return this.#ready.promise;
  }

  /** Whatever it says is a sign of life: one that computes for long comes late to the ping itself. */
  get responsive(): boolean {
    return this.unheardSweeps === 0;
  }

  get silentMs(): number {
    return this.unheardSweeps * SLOT_MS;
  }

  /** Asks for a pong, unless one is under way; it counts as unheard until it says anything. */
  ping(): void {
    this.unheardSweeps ||= 1;
    if (this.alive && this.#pingSent === this.#pongSeen) {
      this.#outbox.push(QueueIn.ping, ++this.#pingSent);
    }
  }

  /**
   * The number of the ping that it has not answered; null where it has, or has said anything else since
   * the last look. It is pinged only behind what was given to it: a thread that merely awaits something
   * is not woken.
   */
  standing(): Standing {
    const heard = this.#heard;
    this.#heard = false;
    if (this.#unasked && this.#pingSent === this.#pongSeen) {
      this.#unasked = false;
      this.#outbox.push(QueueIn.ping, ++this.#pingSent);
    }
    return heard || this.#pingSent === this.#pongSeen ? null : this.#pingSent;
  }

  /** Puts an operation into the queue in. */
  post(...operation: unknown[]): void {
    if (!this.alive) return;
    this.told = this.#unasked = true;
    this.#outbox.push(...operation);
  }

  /** Hands an exchange over: the hot path, hence without a rest array. */
  dispatch(exchange: Exchange, head: string, body: Uint8Array | true | null): void {
    this.exchanges.set(exchange.id, exchange);
    if (body instanceof Uint8Array) bodyCame(body.byteLength);
    this.#unasked = true;
    const { batch } = this.#outbox;
    batch.push(
      QueueIn.exchange,
      exchange.id,
      head,
      exchange.remoteHost,
      exchange.remotePort,
      body,
      exchange.slot,
    );
    this.#outbox.schedule();
  }

  /** Puts an operation with bytes into the queue in; their buffer is moved where they fill it, not copied. */
  postBytes(operation: number, id: number, bytes: Uint8Array): void {
    if (!this.alive) return;
    this.told = this.#unasked = true;
    const own = withoutRoom(bytes);
    this.#outbox.push(operation, id, own);
    this.#outbox.transfer(own);
  }

  /** As {@linkcode postBytes}, for a whole buffer. */
  postBuffer(operation: number, id: number, buffer: ArrayBuffer): void {
    if (!this.alive) return;
    this.told = this.#unasked = true;
    this.#outbox.push(operation, id, buffer);
    this.#outbox.transfer(buffer);
  }

  /** Ends the thread; a busy loop, which V8 does not interrupt, goes on until the process ends. */
  terminate(): void {
    this.alive = false;
    this.#port.close();
    this.#worker.terminate();
  }

  #receive(batch: Batch): void {
    this.unheardSweeps = 0;
    this.#heard = true;
    for (let at = 0; at < batch.length;) {
      const operation = batch[at] as number;
      const operands = QUEUE_OUT_OPERANDS[operation];
      if (operands === undefined) throw new Error(`Unknown operation in a queue out: ${operation}`);
      try {
        this.#obey(operation, batch, at + 1);
      } catch (error) {
        // It costs the one exchange that it is about, and not what the others behind it wait for.
        this.#failed(batch[at + 1] as number, error);
      }
      at += 1 + operands;
    }
  }

  /**
   * Operands are taken from `i` on, in the order that protocol/queue/queue.ts gives for each operation. An
   * exchange that is no longer there was given up: what is still said of it is dropped.
   */
  #obey(operation: number, batch: Batch, i: number): void {
    const { exchanges, sockets } = this;
    switch (operation) {
      case QueueOut.respond:
        return exchanges.get(batch[i] as number)?.respond(
          batch[i + 1] as number,
          parseFields(batch[i + 2] as string),
          batch[i + 3] as string | Uint8Array | true | null,
          batch[i + 4] as number,
        );
      case QueueOut.chunk:
        return exchanges.get(batch[i] as number)?.chunk(batch[i + 1] as Uint8Array);
      case QueueOut.end:
        return exchanges.get(batch[i] as number)?.end();
      case QueueOut.fail:
        return exchanges.get(batch[i] as number)?.fail();
      case QueueOut.awaited:
        return exchanges.get(batch[i] as number)?.reportCompleted();
      case QueueOut.credit:
        return exchanges.get(batch[i] as number)?.uploadCredit(batch[i + 1] as number);
      case QueueOut.crashed:
        return exchanges.get(batch[i] as number)?.crashed();
      case QueueOut.upgrade:
        return exchanges.get(batch[i] as number)?.upgrade({
          header: batch[i + 1] as string,
          protocol: batch[i + 2] as string,
          idleTimeout: batch[i + 3] as number,
        });
      case QueueOut.socketText:
        return sockets.get(batch[i] as number)?.sendText(batch[i + 1] as string);
      case QueueOut.socketBinary:
        return sockets.get(batch[i] as number)?.sendBinary(batch[i + 1] as Uint8Array<ArrayBuffer>);
      case QueueOut.socketClose:
        return sockets.get(batch[i] as number)?.close(
          batch[i + 1] as number,
          batch[i + 2] as string,
        );
      case QueueOut.socketTaken:
        return sockets.get(batch[i] as number)?.taken(batch[i + 1] as number);
      case QueueOut.pong:
        return void (this.#pongSeen = batch[i] as number);
      case QueueOut.log:
        return this.#log[batch[i] as Level](batch[i + 1] as string);
      case QueueOut.ready:
        return this.#ready.resolve();
      case QueueOut.bootFailed: {
        const [code, message, trace] = batch.slice(i, i + 3) as [number, string, string];
        return this.#ready.reject(
          code === ExitCode.app ? new AppLoadError(message, trace) : new BootError(message),
        );
      }
      case QueueOut.exit:
        return this.#events.onExit(this, batch[i] as number);
    }
  }

  /** What can fail has the id of an exchange, or of the WebSocket that came of it, as its first operand. */
  #failed(id: number, error: unknown): void {
    const [exchange, socket] = [this.exchanges.get(id), this.sockets.get(id)];
    if (exchange === undefined) this.#log.error(`A fault of denicorn's own: ${describe(error)}`);
    exchange?.failed(error);
    socket?.close(...INTERNAL_ERROR);
  }

  #died(why: string): void {
    if (!this.alive) return;
    this.alive = false;
    this.#ready.reject(new BootError(`A thread died while it loaded the app: ${why}`));
    for (const exchange of this.exchanges.values()) exchange.crashed();
    for (const socket of [...this.sockets.values()]) socket.close(...INTERNAL_ERROR);
    this.#events.onDied(this, why);
  }
}

/**
 * What Deno reads of a body comes in a buffer of 64 KiB, however little it is: a window of small pieces
 * that the app does not read would be megabytes in the thread.
 */
function withoutRoom(bytes: Uint8Array): Uint8Array {
  const { byteLength } = bytes.buffer;
  if (bytes.byteLength * 2 > byteLength) return bytes;
  chunkCame(byteLength);
  return bytes.slice();
}
