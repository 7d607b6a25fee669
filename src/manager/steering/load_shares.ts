/**
 * Which share of the new connections each proc ought to get, by what it has in flight: those that
 * have more than the others get fewer, until all have about as much. (What balancers call "least
 * connections".) Time per exchange would tell a slow proc sooner, but calls one slow that only has
 * a few streams open, which take their time by nature.
 *
 * A share that followed the last report would swing: the slow proc is spared, runs empty, and is
 * flooded. So a share falls quickly and rises slowly, as what a network's senders do. Pure.
 */

/** A load is too much above the mean load times this, */
const EXCESS_FACTOR = 1.25;
/** and so many exchanges: one or two more are not worth steering for. */
const EXCESS = 2;
/** How strongly one report of too much lowers a share: the power of allowed over own load. */
const FALL = 0.5;
/** What a share is multiplied by at each report of no more than the others have. */
const RISE = 1.05;
/** The least share. The few that still come show when a proc is no longer slow. */
const LEAST = 0.01;
/** Shares above this are full ones. */
const FULL = 0.8;
/** How much of a report is believed at once: what is in flight at one moment says little. */
const TRUST = 0.5;

interface Entry {
  share: number;
  /** Smoothed. */
  load: number;
}

export class LoadShares {
  readonly #entries = new Map<number, Entry>();

  /** Proc `id` has so many exchanges in flight. All report at the same pace. */
  report(id: number, inFlight: number): void {
    const entry = this.#entries.get(id) ?? { share: 1, load: inFlight };
    this.#entries.set(id, entry);
    entry.load += TRUST * (inFlight - entry.load);
    const allowed = EXCESS_FACTOR * this.#meanLoad() + EXCESS;
    const factor = entry.load > allowed ? (allowed / entry.load) ** FALL : RISE;
    entry.share = Math.min(1, Math.max(LEAST, entry.share * factor));
  }

  /** It is no longer one of those who share. */
  forget(id: number): void {
    this.#entries.delete(id);
  }

  /** The share of a proc, from {@linkcode LEAST} to 1. */
  of(id: number): number {
    const share = this.#entries.get(id)?.share ?? 1;
    return share > FULL ? 1 : share;
  }

  #meanLoad(): number {
    let sum = 0;
    for (const { load } of this.#entries.values()) sum += load;
    return sum / this.#entries.size;
  }
}
