/** How many connections a proc may have at once (`max_connections`); more wait to be accepted. */

export class Room {
  readonly #max: number;
  readonly #count: () => number;
  #waiting: (() => void)[] = [];

  /**
   * @param max 0 for no limit.
   * @param count How many there are now.
   */
  constructor(max: number, count: () => number) {
    this.#max = max > 0 ? max : Infinity;
    this.#count = count;
  }

  get isFull(): boolean {
    return this.#count() >= this.#max;
  }

  /** Resolves when a connection has gone. Another one may have taken its room by then: ask again. */
  free(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** To be called when a connection has gone. */
  left(): void {
    if (this.#waiting.length === 0 || this.isFull) return;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }
}
