/**
 * Tells when no thread of the app is free to begin anything, and when one is again, so that new
 * connections can go to procs that have one. It looks 20 times a second while exchanges are in flight; a
 * request costs one comparison, and an idle server nothing.
 */

import type { Dispatcher } from "./dispatch/dispatcher.ts";
import { LOOK_MS } from "./threads/standstill.ts";

export class BlockWatch {
  readonly #app: Pick<Dispatcher, "isOccupied" | "isBlocked">;
  readonly #onChange: (blocked: boolean) => void;
  #timer: ReturnType<typeof setTimeout> | null = null;
  #blocked = false;

  constructor(
    app: Pick<Dispatcher, "isOccupied" | "isBlocked">,
    onChange: (blocked: boolean) => void,
  ) {
    this.#app = app;
    this.#onChange = onChange;
  }

  /** The app has something to do. */
  start(): void {
    this.#timer ??= setTimeout(this.#look, LOOK_MS);
  }

  stop(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  readonly #look = (): void => {
    this.#timer = null;
    const blocked = this.#app.isBlocked(performance.now());
    if (blocked !== this.#blocked) this.#onChange(this.#blocked = blocked);
    if (blocked || this.#app.isOccupied) this.start();
  };
}
