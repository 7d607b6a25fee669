/** The threads of a proc, and which of them gets an exchange. */

import type { Config } from "../config/config.ts";
import type { Log } from "../log/record.ts";
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

  constructor(config: Config, role: string, log: Log, events: PoolEvents) {
    this.#config = config;
    const claims = new Int32Array(
      new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT),
    );
    this.threads = Array.from(
      { length: config.threads },
      (_, index) =>
        new ThreadHandle(index + 1, `${role} thread ${index + 1}`, config, { claims }, log, {
          onProgress: () => {},
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
