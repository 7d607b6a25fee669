/**
 * Which procs cannot begin anything now: they say that none of their threads is free, or say nothing at
 * all, as one does whose app computes in the server thread (`threads: 0`). What they are sent would wait
 * for as long, and one exchange in flight is no load that tells (load_shares.ts). Pure.
 */

import { HEARTBEAT_INTERVAL_MS } from "../../protocol/control/control.ts";

/** A proc that has not been heard for so long counts as blocked, milliseconds. */
const LATE_MS = 2 * HEARTBEAT_INTERVAL_MS;

export class BlockedProcs {
  readonly #blocked = new Set<number>();
  readonly #heardAt = new Map<number, number>();
  readonly #late = new Set<number>();

  /** Proc `id` says whether all its threads are held up. */
  told(id: number, blocked: boolean): void {
    if (blocked) this.#blocked.add(id);
    else this.#blocked.delete(id);
  }

  /**
   * Proc `id` gives a sign of life. All do so at the same pace, so each beat also shows which others
   * have missed theirs: no timer is needed.
   */
  heard(id: number, now: number): void {
    this.#heardAt.set(id, now);
    this.#late.delete(id);
    for (const [other, at] of this.#heardAt) if (now - at > LATE_MS) this.#late.add(other);
  }

  /** It gets no connections any more, or is gone. */
  forget(id: number): void {
    this.#blocked.delete(id);
    this.#heardAt.delete(id);
    this.#late.delete(id);
  }

  has(id: number): boolean {
    return this.#blocked.has(id) || this.isLate(id);
  }

  /** It does not do what it is told either. */
  isLate(id: number): boolean {
    return this.#late.has(id);
  }
}
