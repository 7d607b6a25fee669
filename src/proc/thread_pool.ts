/** The threads of a proc, and which of them gets an exchange. */

import type { Config } from "../config/config.ts";
import type { Log } from "../log/record.ts";
import { Claims } from "../protocol/claims.ts";
import { QueueIn } from "../protocol/exchange.ts";
import type { Exchange } from "./exchange.ts";
import type { Session } from "./session.ts";
import { ThreadHandle } from "./thread_handle.ts";

export interface PoolEvents {
  onDied(thread: ThreadHandle, why: string): void;
  onExit(thread: ThreadHandle, code: number): void;
}

export class ThreadPool {
  readonly threads: readonly ThreadHandle[];
  readonly #config: Config;
  /** Only where there is another thread to hand an exchange to. */
  readonly #claims: Claims | null;

  constructor(config: Config, role: string, log: Log, events: PoolEvents) {
    this.#config = config;
    const movable = config.threads > 1 && config.affinity === "none";
    this.#claims = movable ? new Claims(config.threads * config.backlog_per_thread) : null;
    const claims = this.#claims?.shared ?? new Int32Array(new SharedArrayBuffer(0));
    // A thread that runs one exchange at a time has the next ones wait; one that runs them side by
    // side begins each at once, and there is nothing to take from it.
    const shares = movable && config.interface === "wsgi";
    this.threads = Array.from(
      { length: config.threads },
      (_, index) =>
        new ThreadHandle(index + 1, `${role} thread ${index + 1}`, config, { claims }, log, {
          onProgress: (thread) => {
            if (shares && thread.exchanges.size === 0) this.#feed(thread);
          },
          onDied: (thread, why) => events.onDied(thread, why),
          onExit: (thread, code) => events.onExit(thread, code),
        }),
    );
  }

  /** Resolves when every thread has loaded the app. */
  async load(): Promise<void> {
    await Promise.all(this.threads.map((thread) => thread.ready));
  }

  /**
   * The least busy thread, or the session's own with `affinity: session`; null when its queue is
   * full.
   */
  choose(session: Session): ThreadHandle | null {
    let thread = session.thread;
    if (thread === null || !thread.alive) {
      thread = this.#leastBusy();
      if (this.#config.affinity === "session") session.thread = thread;
    }
    return thread.exchanges.size < this.#config.backlog_per_thread ? thread : null;
  }

  #leastBusy(): ThreadHandle {
    const { threads } = this;
    let least = threads[0]!;
    for (let i = 1; i < threads.length; i++) {
      const thread = threads[i]!;
      if (!least.alive || thread.alive && thread.exchanges.size < least.exchanges.size) {
        least = thread;
      }
    }
    return least;
  }

  /** Hands an exchange to a thread. */
  dispatch(exchange: Exchange, head: string, body: Uint8Array | true | null): void {
    // A streamed body follows its head into the same queue.
    if (this.#claims !== null && body !== true) {
      exchange.slot = this.#claims.queue();
      exchange.whole = { head, body };
    }
    exchange.thread.dispatch(exchange, head, body);
  }

  /** The exchange is over. */
  release(exchange: Exchange): void {
    exchange.thread.exchanges.delete(exchange.id);
    if (exchange.slot >= 0) this.#claims!.release(exchange.slot);
  }

  /** Moves what `from` has not begun to the other threads: it does not come to it. */
  rescue(from: ThreadHandle): void {
    const others = this.threads.filter((thread) => thread !== from && thread.responsive);
    if (others.length === 0) return;
    let next = 0;
    for (const exchange of [...from.exchanges.values()]) {
      if (this.#move(exchange, others[next % others.length]!)) next++;
    }
  }

  /** Gives an idle thread half of what waits behind the busiest one, oldest first. */
  #feed(idle: ThreadHandle): void {
    let busiest = idle;
    for (const thread of this.threads) {
      if (thread.exchanges.size > busiest.exchanges.size) busiest = thread;
    }
    let wanted = busiest.exchanges.size >> 1;
    if (wanted === 0) return;
    for (const exchange of [...busiest.exchanges.values()]) {
      if (this.#move(exchange, idle) && --wanted === 0) return;
    }
  }

  /** Moves an exchange that has not begun. */
  #move(exchange: Exchange, to: ThreadHandle): boolean {
    const { slot, whole } = exchange;
    if (slot < 0 || whole === null || !this.#claims!.revoke(slot)) return false;
    exchange.thread.exchanges.delete(exchange.id);
    exchange.thread = to;
    this.dispatch(exchange, whole.head, whole.body);
    return true;
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

  leave(): void {
    for (const thread of this.threads) thread.post(QueueIn.leave);
  }

  terminate(): void {
    for (const thread of this.threads) thread.terminate();
  }
}
