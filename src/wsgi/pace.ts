/**
 * Whether the calls of a thread are quick: on average, over the last hundreds of them. An average, and
 * not each call, since a busy machine may stop a thread for some milliseconds anywhere; and the clock,
 * which costs 0.16 µs, is read once for {@linkcode CALLS_PER_LOOK} calls.
 */

/**
 * Mean of quick calls, milliseconds. Threads side by side gain from calls of tens of µs already, if these
 * wait for something; and to an app beyond it what company costs does not matter.
 */
const QUICK_MS = 0.03;

/** The mean is taken over at least so many calls: 8 ms of them are not quick, however few. */
const MIN_CALLS = 256;

/** So many calls are let pass unmeasured. */
const CALLS_PER_LOOK = 8;

export class Pace {
  readonly #clock: () => number;
  #ms = 0;
  #calls = 0;
  #since = 0;
  /** Calls since `#since`. */
  #new = 0;

  /** `clock`: milliseconds. */
  constructor(clock: () => number = () => performance.now()) {
    this.#clock = clock;
  }

  /** Calls begin, one after another. */
  begin(): void {
    this.#since = this.#clock();
    this.#new = 0;
  }

  /** After each of them. Returns whether calls are found not to be quick. */
  call(): boolean {
    return ++this.#new === CALLS_PER_LOOK && this.end();
  }

  /** After the last one; as {@linkcode call}. */
  end(): boolean {
    const now = this.#clock();
    this.#ms += now - this.#since;
    this.#calls += this.#new;
    this.#since = now;
    this.#new = 0;
    const slow = this.#ms > QUICK_MS * Math.max(MIN_CALLS, this.#calls);
    // What is known by now does not count again: the thread may not get a call for long.
    if (slow) this.#ms = this.#calls = 0;
    else if (this.#calls >= 2 * MIN_CALLS) {
      this.#ms /= 2;
      this.#calls /= 2;
    }
    return slow;
  }
}
