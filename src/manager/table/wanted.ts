/** How many procs are wanted and within which limits: now, and when a reload that is under way is through. */

import type { Limits } from "./limits.ts";

export class Wanted {
  #limits: Limits;
  #workers: number;
  /** Of a reload whose canary is not ready yet. */
  #next: Limits | null = null;

  constructor(limits: Limits) {
    this.#limits = limits;
    this.#workers = limits.workers;
  }

  get limits(): Limits {
    return this.#limits;
  }

  /** As configured, until somebody asks for more or less. */
  get workers(): number {
    return this.#workers;
  }

  /** Wants so many from now on; so many more or less, too, after a reload that is under way. */
  resize(workers: number): void {
    if (this.#next !== null) {
      const then = workers === 0 ? 0 : this.#next.workers + workers - this.#workers;
      this.#next = { ...this.#next, workers: Math.max(0, then) };
    }
    this.#workers = Math.max(0, workers);
  }

  /** A reload begins. One that was under way is forgotten. */
  reload(limits: Limits): void {
    this.#next = limits;
  }

  /** It is through. */
  commit(): void {
    if (this.#next === null) return;
    this.#limits = this.#next;
    this.#workers = this.#next.workers;
    this.#next = null;
  }

  /** It has failed. */
  abandon(): void {
    this.#next = null;
  }
}
