/** Which thread may begin which exchange, in memory shared with all threads of the proc. */

import { Claim } from "./queue.ts";

/** The slots of a proc's exchanges; see {@linkcode Claim} for who may change what. */
export class Claims {
  /** One state for each slot; the threads have it too. */
  readonly shared: Int32Array;
  readonly #free: number[];
  /** Revoked slots: each is free when the thread that it was queued on has passed it over. */
  #revoked: number[] = [];

  /** `capacity`: exchanges that may be in flight at once; more of them go unclaimed. */
  constructor(capacity: number) {
    this.shared = new Int32Array(new SharedArrayBuffer(capacity * Int32Array.BYTES_PER_ELEMENT));
    this.#free = Array.from({ length: capacity }, (_, slot) => slot);
  }

  /** A slot in the state `queued`, or -1 where none is free: that exchange cannot be taken back. */
  queue(): number {
    const slot = this.#free.pop() ?? this.#reclaim();
    if (slot >= 0) Atomics.store(this.shared, slot, Claim.queued);
    return slot;
  }

  /** Takes an exchange back. Returns whether it had not begun: nobody runs it then. */
  revoke(slot: number): boolean {
    const before = Atomics.compareExchange(this.shared, slot, Claim.queued, Claim.revoked);
    if (before !== Claim.queued) return false;
    this.#revoked.push(slot);
    return true;
  }

  /** The exchange is over; one that has not begun never will. */
  release(slot: number): void {
    if (this.revoke(slot)) return;
    Atomics.store(this.shared, slot, Claim.free);
    this.#free.push(slot);
  }

  #reclaim(): number {
    const passed = (slot: number) => Atomics.load(this.shared, slot) === Claim.free;
    this.#free.push(...this.#revoked.filter(passed));
    this.#revoked = this.#revoked.filter((slot) => !passed(slot));
    return this.#free.pop() ?? -1;
  }
}

/**
 * Runs in the thread: whether it may begin the exchange that `slot` stands for. An exchange without
 * a slot (-1) is the thread's own.
 */
export function mayBegin(claims: Int32Array, slot: number): boolean {
  if (slot < 0) return true;
  const before = Atomics.compareExchange(claims, slot, Claim.queued, Claim.taken);
  if (before === Claim.queued) return true;
  Atomics.store(claims, slot, Claim.free);
  return false;
}
