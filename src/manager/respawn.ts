/**
 * When a proc that died is started again. Pure: told the time, it never asks for it.
 *
 * A proc that had been ready for a while is replaced at once. One that dies before that, again and
 * again, is a program that cannot run: each such death doubles the pause, so that a broken app costs
 * no CPU, and too many of them end the server, so that whoever watches it (systemd, a container's
 * runtime, a person) learns of it.
 */

/** Ready for this long, a proc counts as sound: its death says nothing about the next one. */
export const STABLE_MS = 10_000;
/** Pause after the first early death; each further one doubles it … */
const FIRST_PAUSE_MS = 100;
/** … up to this, or less where `crash_limit` could not be reached within `crash_window` otherwise. */
const LONGEST_PAUSE_MS = 5_000;

/** How many early deaths are too many. */
export interface CrashLimit {
  /** More than so many; 0 is no limit. */
  readonly deaths: number;
  readonly withinMs: number;
}

export class RespawnPolicy {
  readonly #limit: CrashLimit;
  readonly #longestPauseMs: number;
  #earlyDeaths: number[] = [];
  #resumeAt = 0;

  constructor(limit: CrashLimit) {
    this.#limit = limit;
    // Half of the window for pauses, half for boots.
    const share = limit.deaths === 0 ? Infinity : limit.withinMs / (2 * limit.deaths);
    this.#longestPauseMs = Math.max(FIRST_PAUSE_MS, Math.min(LONGEST_PAUSE_MS, share));
  }

  /** No proc is to be started before this. */
  get resumeAt(): number {
    return this.#resumeAt;
  }

  /** A proc died unasked. `readyForMs` is null where it never became ready. */
  died(now: number, readyForMs: number | null): void {
    if (readyForMs !== null && readyForMs >= STABLE_MS) return;
    this.#forget(now);
    this.#earlyDeaths.push(now);
    const pause = FIRST_PAUSE_MS * 2 ** (this.#earlyDeaths.length - 1);
    this.hold(now + Math.min(pause, this.#longestPauseMs));
  }

  /** Starts none before `until`. */
  hold(until: number): void {
    this.#resumeAt = Math.max(this.#resumeAt, until);
  }

  /** Whether procs died early too often. */
  isCrashLoop(now: number): boolean {
    this.#forget(now);
    return this.#limit.deaths > 0 && this.#earlyDeaths.length > this.#limit.deaths;
  }

  /** What is said of a crash loop. */
  giveUp(lastDeath: string): string {
    const { deaths, withinMs } = this.#limit;
    return `More than ${deaths} procs (crash_limit) died within ${withinMs / 1000} s ` +
      `(crash_window), each before it had been ready for ${STABLE_MS / 1000} s; giving up. ` +
      `The last death: ${lastDeath}`;
  }

  #forget(now: number): void {
    this.#earlyDeaths = this.#earlyDeaths.filter((at) => at > now - this.#limit.withinMs);
  }
}
