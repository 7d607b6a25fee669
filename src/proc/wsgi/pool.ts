/** The threads of a WSGI app: one queue for all of them, from which whoever is free takes the oldest. */

import { setImmediate } from "node:timers";
import type { Config } from "../../config/config.ts";
import { methodAndPath } from "../../log/method_and_path.ts";
import type { Log } from "../../log/record.ts";
import { createRing } from "../../protocol/wsgi/byte_ring.ts";
import {
  type CommonQueueMemory,
  createCommonQueue,
  Task,
  type TaskKind,
} from "../../protocol/wsgi/common_queue.ts";
import { CommonQueueWriter } from "../../protocol/wsgi/common_queue_writer.ts";
import { QueueIn } from "../../protocol/queue/queue.ts";
import { IdTable } from "../../protocol/id_table.ts";
import { SOCKET_RING_BYTES } from "../../protocol/wsgi/sockets.ts";
import { startWsgiProcess } from "../../wsgi/process.ts";
import { headerList, requestMethod } from "../../deno/request.ts";
import type { Exchange } from "../exchange/exchange.ts";
import type { AppThread } from "../exchange/app_thread.ts";
import type { Pool, PoolEvents } from "../threads/pool.ts";
import type { Session } from "../session/session.ts";
import type { Standing } from "../threads/standstill.ts";
import type { ServerSocket } from "../websocket/websocket.ts";
import { CallWatch } from "./call_watch.ts";
import { type Stack, Stacks } from "./stacks.ts";
import { listenToPipe } from "./wake_pipe.ts";
import { WsgiSockets } from "./sockets.ts";
import { WsgiThread } from "./thread.ts";

/** How long what waits is left to a thread whose calls were quick, milliseconds. */
const LOOK_MS = 3;

/** How long threads may take to leave where nothing is left to do for them: one that hangs never does. */
const LEAVE_MS = 2_000;

/** What waits for room in the common queue. */
interface Waiting {
  readonly id: number;
  readonly kind: TaskKind;
  /** null: what happened to a WebSocket. */
  readonly exchange: Exchange | null;
  readonly head: string;
  readonly body: Uint8Array | true | null;
}

/** Stands, as an {@linkcode AppThread}, for the thread of exchanges that none has taken yet. */
export class WsgiPool implements Pool, AppThread {
  readonly id = 0;
  readonly sockets = new Map<number, ServerSocket>();
  readonly responsive = true;
  readonly silentMs = 0;

  readonly #config: Config;
  readonly #role: string;
  readonly #log: Log;
  readonly #events: PoolEvents;
  readonly #exchanges = new IdTable<Exchange>();
  readonly #memory: CommonQueueMemory;
  readonly #queue: CommonQueueWriter;
  readonly #threads: WsgiThread[] = [];
  #waiting: Waiting[] = [];
  #scheduled = false;
  #asleep = false;
  /** A look at the common queue is to come. */
  #looking = false;
  readonly #socketRing = createRing(SOCKET_RING_BYTES);
  readonly #webSockets: WsgiSockets;
  readonly #calls: CallWatch<WsgiThread>;
  #end: Promise<void> | null = null;
  /** Where `timeout_warning` is set. */
  #stacks: Stacks | null = null;
  /** Who waits for an app to read its body. */
  readonly #bodies = new Map<Exchange, (wanted: boolean) => void>();

  constructor(config: Config, role: string, log: Log, events: PoolEvents) {
    if (config.threads === 0) log.warning("A WSGI app needs a thread: threads: 0 is taken as 1");
    this.#config = { ...config, threads: Math.max(1, config.threads) };
    this.#memory = createCommonQueue(this.#config.threads);
    this.#queue = new CommonQueueWriter(this.#memory);
    this.#role = role;
    this.#log = log;
    this.#events = events;
    this.#webSockets = new WsgiSockets({
      sockets: this.sockets,
      ring: this.#socketRing,
      log,
      onTask: (id, head, body) => this.#put({ id, kind: Task.socket, exchange: null, head, body }),
    });
    this.#calls = new CallWatch({ exchanges: this.#exchanges, sockets: this.#webSockets });
  }

  get busy(): boolean {
    return this.#webSockets.size > 0 || this.calling.length > 0;
  }

  get calling(): readonly WsgiThread[] {
    return this.#threads.filter((thread) => thread.current !== 0);
  }

  get inFlight(): number {
    return this.#exchanges.size;
  }

  get queued(): number {
    return this.#queue.wanted + this.#waiting.length;
  }

  /** The call that it runs, or the task of a WebSocket. */
  standing(): readonly Standing[] {
    return this.#threads.map(({ current }) => {
      const socket = current === 0 ? undefined : this.#webSockets.get(current);
      if (socket !== undefined) return `${current} ${socket.turn}`;
      return current === 0 ? null : current;
    });
  }

  exchanges(): Iterable<Exchange> {
    return this.#exchanges.values();
  }

  async load(): Promise<void> {
    const { library: { path }, wakes, credits, stacks } = startWsgiProcess(this.#config, {
      ring: this.#socketRing,
      queue: this.#memory,
    });
    listenToPipe(wakes, this.#wake);
    this.#webSockets.listen(credits);
    if (stacks !== null) this.#stacks = new Stacks(stacks, this.#explained);
    // The first one imports the app; the others find it there.
    await this.#start(1, path).ready;
    const others = Array.from({ length: this.#config.threads - 1 }, (_, i) => i + 2);
    await Promise.all(others.map((id) => this.#start(id, path).ready));
  }

  choose(session: Session, request: Request): AppThread | null {
    // It can be found out only now, and the environ has it. Deno makes the list anew for each look.
    if (!session.knowsProtocol) session.isHttp2(requestMethod(request), headerList(request));
    const { backlog_per_thread, threads } = this.#config;
    return this.#exchanges.size < backlog_per_thread * threads ? this : null;
  }

  hold(exchange: Exchange): void {
    this.#exchanges.set(exchange.id, exchange);
  }

  dispatch(exchange: Exchange, head: string, body: Uint8Array | true | null): void {
    this.#exchanges.set(exchange.id, exchange);
    const { session } = exchange;
    const protocol = session.isHttp2("", []) ? "HTTP/2.0" : "HTTP/1.1";
    // Read by read_connection() of src/wsgi/python/environ.py.
    const ends = `${exchange.remoteHost}\t${exchange.remotePort}\t${protocol}\t${session.local}`;
    const { id, asksSocket } = exchange;
    const kind = asksSocket ? Task.upgrade : Task.exchange;
    this.#put({ id, kind, exchange, head: `${ends}\t${exchange.scriptName}\n${head}`, body });
  }

  wantsBody(exchange: Exchange): Promise<boolean> {
    return new Promise((resolve) => this.#bodies.set(exchange, resolve));
  }

  locate(exchange: Exchange): AppThread {
    return this.#threads.find((thread) => thread.current === exchange.id) ?? exchange.thread;
  }

  explain(exchange: Exchange): void {
    const thread = this.locate(exchange);
    if (thread !== this) this.#stacks?.ask(thread.id, exchange.id);
  }

  readonly #explained = ({ thread, exchange: id, stack }: Stack): void => {
    // It has come to an end meanwhile, and the thread may have been seen with another one.
    if (this.#threads[thread - 1]?.current !== id || stack === "") return;
    const request = this.#exchanges.get(id)?.request;
    const what = request ? methodAndPath(request) : "what no client waits for";
    this.#log.warning(`Thread ${thread} is here with ${what}:\n${stack}`);
  };

  /** What a thread has not begun is anyone's: there is nothing to move. */
  sweep(): void {}

  release(exchange: Exchange): void {
    this.#exchanges.delete(exchange.id);
    const { thread } = exchange;
    if (thread instanceof WsgiThread) thread.forget(exchange.id);
    this.#bodies.get(exchange)?.(false);
    this.#bodies.delete(exchange);
  }

  /** Called again, by a quick stop, it has the app end at once. */
  close(patienceMs: number): Promise<void> {
    if (this.#end !== null) this.#queue.hurry();
    return this.#end ??= this.#finish(patienceMs);
  }

  async #finish(patienceMs: number): Promise<void> {
    const begun = performance.now();
    const free = await Promise.race([this.#leave().then(() => true), falseAfter(LEAVE_MS)]);
    const spent = Math.ceil(performance.now() - begun);
    if (free) await this.#threads[0]?.end(Math.max(0, patienceMs - spent));
  }

  async #leave(): Promise<void> {
    await this.#webSockets.idle();
    this.#queue.leave();
    await Promise.all(this.#threads.map((thread) => thread.left));
  }

  terminate(): void {
    for (const thread of this.#threads) thread.terminate();
  }

  ping(): void {}

  overdue(now: number, timeoutMs: number): [AppThread, string][] {
    const overdue = this.#calls.overdue(this.#threads, this.queued, now, timeoutMs);
    for (const [thread] of overdue) this.#stacks?.ask(thread.id, thread.current);
    return overdue;
  }

  post(operation: number, id: number, ...operands: unknown[]): void {
    if (operation >= QueueIn.socketOpen) return this.#webSockets.post(operation, id, operands);
    const exchange = this.#exchanges.get(id);
    if (operation !== QueueIn.abort || exchange === undefined) return;
    if (exchange.slot >= 0 && this.#queue.revoke(exchange.slot, id)) return;
    const thread = this.locate(exchange);
    if (thread !== this) thread.post(operation, id);
    else this.#waiting = this.#waiting.filter((it) => it.exchange !== exchange);
  }

  postBytes(): void {
    // A body is sent once a thread has asked for it.
  }

  postBuffer(operation: number, id: number, buffer: ArrayBuffer): void {
    this.#webSockets.post(operation, id, [buffer]);
  }

  #start(id: number, library: string): WsgiThread {
    const thread = new WsgiThread({
      id,
      role: `${this.#role} thread ${id}`,
      config: this.#config,
      library,
      queue: this.#memory,
      exchanges: this.#exchanges,
      log: this.#log,
    }, {
      onWake: this.#wake,
      onReceive: (exchange) => {
        this.#bodies.get(exchange)?.(true);
        this.#bodies.delete(exchange);
      },
      onGuests: () => this.#webSockets.wakeSenders(),
      onSocketReceive: (thread, id) => this.#webSockets.stream(id, thread),
      onUpgrade: (exchange, id, protocol) => this.#upgrade(exchange, id, protocol),
      onDied: (thread, why) => {
        const line = this.#webSockets.get(thread.current);
        if (line !== undefined) this.#webSockets.giveUp(line);
        this.#events.onDied(thread, why);
      },
    });
    this.#threads.push(thread);
    return thread;
  }

  /** A WebSocket is the pool's: its callbacks run on whichever thread is free. */
  #upgrade(exchange: Exchange | undefined, id: number, protocol: string): void {
    this.#webSockets.add(id, exchange?.request.url ?? "http://client-is-gone/");
    if (exchange !== undefined) {
      exchange.thread = this;
      const idleTimeout = this.#config.websocket_idle_timeout;
      exchange.upgrade({ header: "", protocol, idleTimeout });
    }
    if (!this.sockets.has(id)) this.#webSockets.forget(id);
  }

  #put(waiting: Waiting): void {
    if (this.#waiting.length > 0) this.#pump();
    if (this.#waiting.length > 0 || !this.#tryPut(waiting)) this.#waiting.push(waiting);
  }

  /** Puts in what waited for room, in its order. Why it is not forgotten is said in wish.ts. */
  #pump(): void {
    let count = 0;
    while (count < this.#waiting.length && this.#tryPut(this.#waiting[count]!)) count++;
    if (count > 0) this.#waiting = this.#waiting.slice(count);
  }

  #tryPut({ id, kind, exchange, head, body }: Waiting): boolean {
    const slot = this.#queue.put(id, head, body, kind);
    if (slot < 0) return false;
    if (exchange !== null) exchange.slot = slot;
    this.#schedule();
    return true;
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(this.#turn);
  }

  /**
   * Reads what the threads have written. The second look is for what came between the first one and
   * sleep(), for which no thread has sent a message.
   */
  readonly #wake = (): void => {
    this.#asleep = true;
    this.#read();
    this.#schedule();
  };

  readonly #turn = (): void => {
    this.#scheduled = false;
    if (this.#queue.wake() && !this.#looking) this.#lookSoon();
    if (!this.#asleep) return;
    this.#asleep = false;
    this.#read();
    this.#queue.sleep();
    this.#read();
  };

  #lookSoon(): void {
    this.#looking = true;
    setTimeout(this.#look, LOOK_MS);
  }

  /** Rescues what waits behind a call that blocks though calls were quick. */
  readonly #look = (): void => {
    this.#looking = false;
    if (this.#queue.look()) this.#lookSoon();
  };

  #read(): void {
    for (const thread of this.#threads) thread.read();
    this.#webSockets.read();
    if (this.#waiting.length > 0) this.#pump();
  }
}

function falseAfter(ms: number): Promise<false> {
  return new Promise((resolve) => setTimeout(() => resolve(false), ms));
}
