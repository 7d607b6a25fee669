/**
 * Whether all threads of the app are held up, each by one thing: a WSGI thread by a call that takes its
 * time, a fetch thread by code that keeps its event loop from turning (not by what it awaits). Nothing
 * that comes now is begun before one of them is through. Pure.
 */

/** How often the threads are looked at while anything is in flight, milliseconds. */
export const LOOK_MS = 50;
/** A thread that stands at the same thing for so long is held up, milliseconds. */
const HELD_UP_MS = 100;
/** A server that was itself held up for so long between two looks blames nobody, milliseconds. */
const MISSED_LOOK_MS = 4 * LOOK_MS;

/** What a thread stands at: the same value as long as it is the same thing; null for nothing. */
export type Standing = string | number | null;

export class Standstill {
  readonly #standing: Standing[] = [];
  readonly #since: number[] = [];
  #lookedAt = -Infinity;
  /** What the last look came to. */
  #all = false;

  /** To be called every LOOK_MS while there is something, with what each of the threads stands at. */
  look(threads: readonly Standing[], now: number): boolean {
    // After a gap nothing is concluded: a stand that was found before goes on, another begins anew.
    const missed = now - this.#lookedAt > MISSED_LOOK_MS && !this.#all;
    this.#lookedAt = now;
    let all = threads.length > 0;
    for (let i = 0; i < threads.length; i++) {
      const at = threads[i]!;
      if (missed || at === null || at !== this.#standing[i]) {
        this.#standing[i] = at;
        this.#since[i] = now;
      }
      all &&= at !== null && now - this.#since[i]! >= HELD_UP_MS;
    }
    return this.#all = all;
  }
}
