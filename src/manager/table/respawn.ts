/**
 * When a proc is replaced whose service has ended unasked: it died, or has lost a thread, or has reached
 * a limit. Pure: told the time, it never asks for it.
 *
 * A proc that had been ready for a while is replaced at once. Ends before that, again and again, are a
 * program that cannot run, or a limit that cannot be kept: they come in rounds, each of which doubles
 * the pause, so that it costs no CPU. Too many rounds of crashes end the server, so that whoever watches
 * it (systemd, a container's runtime, a person) learns of it.
 *
 * A round is one early end with all those of procs that were there at that time: one blow may strike
 * many, which then say no more than one. So the number of procs makes no difference. Rounds in
 * succession, without a sound proc since the first of them, count together however long each takes, as
 * a boot may take longer than any window has room for; others only within the window.
 */

/** Ready for this long, a proc counts as sound: its end says nothing about the next one. */
export const STABLE_MS = 10_000;
/** Pause after the first round; each further one doubles it … */
const FIRST_PAUSE_MS = 100;
/** … up to this, or to less: procs that crash at once must reach `crash_limit` within `crash_window`. */
const LONGEST_PAUSE_MS = 5_000;

/** How many rounds are too many. */
export interface CrashLimit {
  /** More than so many; 0 is no limit. */
  readonly rounds: number;
  readonly withinMs: number;
}

/** A proc whose service has ended. */
export interface Ended {
  /** Who comes later has a higher one. */
  readonly id: number;
  /** null where it never was. */
  readonly readyAt: number | null;
}

export class RespawnPolicy {
  readonly #limit: CrashLimit;
  readonly #longestPauseMs: number;
  /** When each began. */
  #rounds: number[] = [];
  /** How many since there was a sound proc. */
  #succession = 0;
  /** Of the first proc that was not there yet when the last round began. */
  #nextId = 0;
  #resumeAt = 0;

  constructor(limit: CrashLimit) {
    this.#limit = limit;
    // Half of the window for pauses, half for boots.
    const share = limit.rounds === 0 ? Infinity : limit.withinMs / (2 * limit.rounds);
    this.#longestPauseMs = Math.max(FIRST_PAUSE_MS, Math.min(LONGEST_PAUSE_MS, share));
  }

  /** No proc is to be started for another before this. */
  get resumeAt(): number {
    return this.#resumeAt;
  }

  /**
   * A proc's service has ended unasked; `nextId` is what the next proc will have. Returns whether that
   * was early.
   */
  ended(now: number, { id, readyAt }: Ended, nextId: number): boolean {
    if (readyAt !== null && now - readyAt >= STABLE_MS) {
      this.sound();
      return false;
    }
    this.#forget(now);
    if (id >= this.#nextId) {
      this.#rounds.push(now);
      this.#succession++;
      this.#nextId = nextId;
    }
    const pause = FIRST_PAUSE_MS * 2 ** Math.max(0, this.#count - 1);
    this.hold(now + Math.min(pause, this.#longestPauseMs));
    return true;
  }

  /** There is a sound proc: what comes after it is another matter than what came before. */
  sound(): void {
    this.#succession = 0;
  }

  /** Starts none before `until`. */
  hold(until: number): void {
    this.#resumeAt = Math.max(this.#resumeAt, until);
  }

  /** Whether there were too many rounds. */
  isCrashLoop(now: number): boolean {
    this.#forget(now);
    return this.#limit.rounds > 0 && this.#count > this.#limit.rounds;
  }

  /** What is said of a crash loop, whose end is the server's. */
  describeLoop(lastCrash: string): string {
    const { rounds, withinMs } = this.#limit;
    const where = this.#rounds.length > rounds
      ? `within ${withinMs / 1000} s (crash_window)`
      : "in succession";
    return `Procs crashed more than ${rounds} times (crash_limit) ${where}, ` +
      `each before it had been ready for ${STABLE_MS / 1000} s; giving up. ` +
      `The last crash: ${lastCrash}`;
  }

  get #count(): number {
    return Math.max(this.#rounds.length, this.#succession);
  }

  #forget(now: number): void {
    this.#rounds = this.#rounds.filter((at) => at > now - this.#limit.withinMs);
  }
}
