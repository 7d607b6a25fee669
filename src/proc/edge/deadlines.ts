/**
 * The deadlines of all connections and exchanges of a proc: one wheel, which the server turns as long
 * as it has connections, and no timer for any of them.
 *
 * What has a deadline sits in the slot of the time when it is to be looked at. Moving a deadline
 * further away is one assignment: it is noticed when the old slot comes round. So a connection that
 * is busy costs the wheel one look per deadline, not one per request.
 */

/** How late a deadline may be noticed. */
export const SLOT_MS = 250;
/** 64 seconds; what is due later is looked at, and put off, once in that time. */
const SLOTS = 256;

/** What can have a deadline. The numbers belong to the wheel; they begin as Infinity, -1 and -1. */
export interface Timed {
  /** When it is due, milliseconds of the wheel's clock; Infinity: never. */
  dueAt: number;
  /** When it is looked at, in slots since the clock's beginning; -1: never. */
  lookAt: number;
  /** Its place in that slot. */
  lookPlace: number;
  /** Its time has come. It has no deadline now, and may be given another. */
  onDue(): void;
}

export class Deadlines {
  /** Arrays, not Sets: why is said in protocol/id_table.ts. */
  readonly #slots: Timed[][] = Array.from({ length: SLOTS }, () => []);
  readonly #clock: () => number;
  /** The slot that is looked at next. */
  #next = 0;
  #count = 0;

  /** `clock`: milliseconds that never run backwards; as of the last turn is near enough. */
  constructor(clock: () => number) {
    this.#clock = clock;
  }

  /** Sets or moves the deadline. Infinity takes it away. */
  set(item: Timed, dueAt: number): void {
    item.dueAt = dueAt;
    if (item.lookAt < 0) {
      if (dueAt !== Infinity) this.#put(item);
    } else if (dueAt <= (item.lookAt - 1) * SLOT_MS) {
      this.#take(item);
      this.#put(item);
    }
  }

  /** Forgets the item: it is over. */
  remove(item: Timed): void {
    item.dueAt = Infinity;
    if (item.lookAt >= 0) this.#take(item);
  }

  /** How many have a deadline, or had one lately. */
  get size(): number {
    return this.#count;
  }

  #put(item: Timed): void {
    // After a rest the wheel stands where it was left.
    if (this.#count === 0) this.#next = Math.max(this.#next, Math.floor(this.#clock() / SLOT_MS));
    const due = Math.min(Math.ceil(item.dueAt / SLOT_MS), this.#next + SLOTS - 1);
    item.lookAt = Math.max(due, this.#next);
    const slot = this.#slots[item.lookAt % SLOTS]!;
    item.lookPlace = slot.length;
    slot.push(item);
    this.#count++;
  }

  #take(item: Timed): void {
    const slot = this.#slots[item.lookAt % SLOTS]!;
    const last = slot.pop()!;
    if (last !== item) {
      slot[item.lookPlace] = last;
      last.lookPlace = item.lookPlace;
    }
    item.lookAt = -1;
    this.#count--;
  }

  /** Looks at what may be due; to be called every SLOT_MS as long as there is something. */
  turn(): void {
    const now = this.#clock();
    // A clock that jumped (the machine slept) needs one round, not one for each slot it missed.
    const last = Math.floor(now / SLOT_MS);
    const first = Math.max(this.#next, last - SLOTS + 1);
    // Moved on before any is looked at: what is put in meanwhile must not land behind.
    this.#next = Math.max(this.#next, last + 1);
    for (let at = first; at <= last; at++) {
      const slot = this.#slots[at % SLOTS]!;
      for (const item of [...slot]) {
        // One that came before may have taken it away, or put it in anew.
        if (item.lookAt > last || item.lookAt < 0) continue;
        this.#take(item);
        if (item.dueAt <= now) {
          item.dueAt = Infinity;
          item.onDue();
        } else if (item.dueAt !== Infinity) {
          this.#put(item);
        }
      }
    }
  }
}
