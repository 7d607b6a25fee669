/** The ends of procs' services that nobody asked for: crashes, and limits that were reached. */

import { type CrashLimit, type Ended, RespawnPolicy } from "./respawn.ts";

/** A proc that is replaced for its age serves until then, so that this never ends the server. */
const NO_LIMIT: CrashLimit = { rounds: 0, withinMs: 60_000 };

export class Endings {
  readonly #crashes: RespawnPolicy;
  readonly #aged = new RespawnPolicy(NO_LIMIT);

  constructor(limit: CrashLimit) {
    this.#crashes = new RespawnPolicy(limit);
  }

  /** One has died, or what is left of it is of no use. Returns whether that was early. */
  crashed(now: number, proc: Ended, nextId: number): boolean {
    return this.#crashes.ended(now, proc, nextId);
  }

  /** One has reached its age (`max_lifetime`, `max_rss`). Returns whether that was early. */
  aged(now: number, proc: Ended, nextId: number): boolean {
    return this.#aged.ended(now, proc, nextId);
  }

  /** There is a proc that has been ready for a while. */
  sound(): void {
    this.#crashes.sound();
    this.#aged.sound();
  }

  /** Starts none before `until`. */
  hold(until: number): void {
    this.#crashes.hold(until);
  }

  /** None is to be started now. */
  isPaused(now: number): boolean {
    return now < this.#crashes.resumeAt;
  }

  /** None is to be started now in the place of one that serves. */
  isAgedPaused(now: number): boolean {
    return now < this.#aged.resumeAt;
  }

  /** When the next pause ends; Infinity where there is none. */
  resumeAt(now: number): number {
    const pauses = [this.#crashes.resumeAt, this.#aged.resumeAt];
    return Math.min(...pauses.filter((until) => until > now));
  }

  /** Why the server has to end; null while it need not. */
  crashLoop(now: number, lastCrash: string): string | null {
    return this.#crashes.isCrashLoop(now) ? this.#crashes.describeLoop(lastCrash) : null;
  }
}
