/** The threads of a fetch app, and which of them gets an exchange. */

import type { Config } from "../../config/config.ts";
import type { Log } from "../../log/record.ts";
import { Claims } from "../../protocol/queue/claims.ts";
import type { Exchange } from "../exchange/exchange.ts";
import type { AppThread } from "../exchange/app_thread.ts";
import type { Pool, PoolEvents } from "../threads/pool.ts";
import type { Session } from "../session/session.ts";
import type { Standing } from "../threads/standstill.ts";
import { FetchThread } from "./thread.ts";
import { isSilent, watch } from "./thread_watch.ts";

export class FetchPool implements Pool {
  readonly threads: readonly FetchThread[];
  readonly #config: Config;
  /** What is given up before it has begun is not begun any more, and may go to another thread. */
  readonly #claims: Claims;
  /** Whether there is another thread that may have it. */
  readonly #movable: boolean;
  /** With `affinity: session`, the thread that all exchanges of a connection go to. */
  readonly #bound: WeakMap<Session, FetchThread> | null;

  constructor(config: Config, role: string, log: Log, events: PoolEvents) {
    this.#config = config;
    this.#movable = config.threads > 1 && config.affinity === "none";
    this.#bound = config.affinity === "session" ? new WeakMap() : null;
    this.#claims = new Claims(config.threads * config.backlog_per_thread);
    const common = { config, claims: this.#claims.shared, log };
    this.threads = Array.from({ length: config.threads }, (_, i) => {
      const id = i + 1;
      return new FetchThread({ id, role: `${role} thread ${id}`, ...common }, events);
    });
  }

  /** Resolves when every thread has loaded the app. */
  async load(): Promise<void> {
    await Promise.all(this.threads.map((thread) => thread.ready));
  }

  /**
   * The least busy thread, or the session's own with `affinity: session`; null when its queue is
   * full.
   */
  choose(session: Session): FetchThread | null {
    let thread = this.#bound?.get(session);
    if (thread === undefined || !thread.alive || isSilent(thread)) {
      thread = this.#leastBusy();
      this.#bound?.set(session, thread);
    }
    return thread.exchanges.size < this.#config.backlog_per_thread ? thread : null;
  }

  /** One that is silent is the last choice, however little it has to do. */
  #leastBusy(): FetchThread {
    const { threads } = this;
    let least = threads[0]!;
    for (let i = 1; i < threads.length; i++) {
      const thread = threads[i]!;
      const silent = isSilent(thread);
      const better = isSilent(least) === silent ? hasLess(thread, least) : !silent;
      if (!least.alive || thread.alive && better) least = thread;
    }
    return least;
  }

  /** Hands an exchange to a thread. */
  dispatch(exchange: Exchange, head: string, body: Uint8Array | true | null): void {
    // A streamed body follows its head into the same queue.
    if (body !== true) {
      // Its body took its time, and the thread fell silent meanwhile.
      if (this.#movable && isSilent(this.#threadOf(exchange))) {
        this.#give(exchange, this.#leastBusy());
      }
      exchange.slot = this.#claims.queue();
      if (this.#movable) exchange.whole = { head, body };
    }
    this.#threadOf(exchange).dispatch(exchange, head, body);
  }

  /** The exchange is over. */
  release(exchange: Exchange): void {
    this.#threadOf(exchange).exchanges.delete(exchange.id);
    if (exchange.slot >= 0) this.#claims.release(exchange.slot);
  }

  hold(exchange: Exchange): void {
    this.#threadOf(exchange).exchanges.set(exchange.id, exchange);
  }

  /** It is sent at once: the thread's credit bounds it. */
  wantsBody(): Promise<boolean> {
    return Promise.resolve(true);
  }

  locate(exchange: Exchange): AppThread {
    return exchange.thread;
  }

  /** Deno shows no stack of another thread, and an exchange that awaits something has none. */
  explain(): void {}

  close(): Promise<void> {
    return Promise.resolve();
  }

  /** Moves what silent threads have not begun to the others. Where all are silent, it waits. */
  sweep(): void {
    const silent = watch(this.threads);
    if (!this.#movable || silent.length === this.threads.length) return;
    for (const thread of silent) {
      for (const exchange of thread.exchanges.oldestFirst()) this.#move(exchange);
    }
  }

  /** Moves an exchange, unless its thread has begun it: the claim decides, so that it runs once. */
  #move(exchange: Exchange): void {
    const { slot, whole } = exchange;
    const to = this.#leastBusy();
    if (isSilent(to) || to.exchanges.size >= this.#config.backlog_per_thread) return;
    if (slot < 0 || whole === null || !this.#claims.revoke(slot)) return;
    this.#give(exchange, to);
    this.dispatch(exchange, whole.head, whole.body);
  }

  #give(exchange: Exchange, to: FetchThread): void {
    this.#threadOf(exchange).exchanges.delete(exchange.id);
    exchange.thread = to;
  }

  /** What an app does behind its response, its event loop does. */
  readonly calling = [];

  get busy(): boolean {
    return this.threads.some(({ alive, unheardSweeps }) => alive && unheardSweeps > 0);
  }

  /**
   * Most threads that hang are noticed by their exchanges. These have lost theirs, whose clients have
   * left, and get no others as long as another thread is free.
   */
  overdue(_now: number, timeoutMs: number): [AppThread, string][] {
    return this.threads
      .filter(({ alive, silentMs }) => alive && silentMs > timeoutMs)
      .map((thread) => [thread, `the app in thread ${thread.id}, whose event loop stands still`]);
  }

  standing(): readonly Standing[] {
    return this.threads.map((thread) => thread.standing());
  }

  get queued(): number {
    return Math.max(0, this.inFlight - this.threads.length);
  }

  /** Exchanges in flight on all threads. */
  get inFlight(): number {
    let sum = 0;
    for (const thread of this.threads) sum += thread.exchanges.size;
    return sum;
  }

  *exchanges(): Iterable<Exchange> {
    for (const thread of this.threads) yield* thread.exchanges.values();
  }

  #threadOf(exchange: Exchange): FetchThread {
    return this.threads[exchange.thread.id - 1]!;
  }

  terminate(): void {
    for (const thread of this.threads) thread.terminate();
  }
}

/** Exchanges are work that waits; sockets may become some, and count where there is no difference. */
function hasLess(a: FetchThread, b: FetchThread): boolean {
  const difference = a.exchanges.size - b.exchanges.size;
  return difference < 0 || difference === 0 && a.sockets.size < b.sockets.size;
}
