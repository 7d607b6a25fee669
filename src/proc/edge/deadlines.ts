/**
 * The deadlines of all connections and exchanges of a proc: one wheel, one timer, and that only while
 * something has a deadline.
 *
 * What has a deadline sits in the slot of the time when it is to be looked at. Moving a deadline
 * further away is one assignment: it is noticed when the old slot comes round. So a connection that
 * is busy costs the wheel one look per deadline, not one per request.
 */

/** How late a deadline may be noticed. */
export const SLOT_MS = 250;
/** 64 seconds; what is due later is looked at, and put off, once in that time. */
const SLOTS = 256;

/** What can have a deadline. The two numbers belong to the wheel; they begin as Infinity and -1. */
export interface Timed {
  /** When it is due, milliseconds of the wheel's clock; Infinity: never. */
  dueAt: number;
  /** When it is looked at, in slots since the clock's beginning; -1: never. */
  lookAt: number;
  /** Its time has come. It has no deadline now, and may be given another. */
  onDue(): void;
}

export class Deadlines {
  readonly #slots: Set<Timed>[] = Array.from({ length: SLOTS }, () => new Set());
  readonly #clock: () => number;
  /** The slot that is looked at next. */
  #next = 0;
  #count = 0;
  #timer: ReturnType<typeof setInterval> | undefined;
  #closed = false;

  /** `clock`: milliseconds that never run backwards. */
  constructor(clock: () => number = () => performance.now()) {
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

  /** Nothing is due any more. May be called twice. */
  close(): void {
    this.#closed = true;
    clearInterval(this.#timer);
    for (const slot of this.#slots) {
      for (const item of slot) item.lookAt = -1;
      slot.clear();
    }
    this.#count = 0;
  }

  /** How many have a deadline, or had one lately. */
  get size(): number {
    return this.#count;
  }

  #put(item: Timed): void {
    if (this.#closed) return;
    if (this.#timer === undefined) this.#start();
    const due = Math.min(Math.ceil(item.dueAt / SLOT_MS), this.#next + SLOTS - 1);
    item.lookAt = Math.max(due, this.#next);
    this.#slots[item.lookAt % SLOTS]!.add(item);
    this.#count++;
  }

  #take(item: Timed): void {
    this.#slots[item.lookAt % SLOTS]!.delete(item);
    item.lookAt = -1;
    this.#count--;
  }

  #start(): void {
    this.#next = Math.ceil(this.#clock() / SLOT_MS);
    this.#timer = setInterval(() => this.sweep(), SLOT_MS);
    // A proc that only waits for deadlines may end.
    Deno.unrefTimer(this.#timer);
  }

  /** Looks at what may be due; the timer calls it. */
  sweep(): void {
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
    if (this.#count === 0) {
      clearInterval(this.#timer);
      this.#timer = undefined;
    }
  }
}
