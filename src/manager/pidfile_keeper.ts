/** Has the pid file where the configuration says, which a reload or another manager may change. */

import { DenicornError } from "../errors.ts";
import type { Log } from "../log/record.ts";
import { Pidfile } from "../os/process/pidfile.ts";
import type { Predecessor } from "./succession/predecessor.ts";

export class PidfileKeeper implements Disposable {
  readonly #log: Log;
  readonly #predecessor: Predecessor;
  #file: Pidfile | null = null;
  /**
   * Where it was to be at last: what could not be written there is not tried again, until a reload
   * makes it undefined.
   */
  #path: string | null | undefined = null;

  constructor(log: Log, predecessor: Predecessor) {
    this.#log = log;
    this.#predecessor = predecessor;
  }

  /**
   * Writes the file of a server that starts. What another server, which may be about to stop, has
   * locked is waited for, as an address in use is. Throws SystemError.
   */
  async claim(configured: string | null): Promise<void> {
    const path = this.#place(configured);
    this.#path = path;
    this.#file = path === null ? null : await Pidfile.createWhenFree(path, this.#log);
  }

  /**
   * Has the file where it belongs: under another name as long as the manager lives that this one was
   * started beside. Throws SystemError where a server runs with it, or it cannot be written.
   */
  #write(configured: string | null): void {
    const path = this.#place(configured);
    if (path === this.#path) return;
    this.#path = path;
    const old = this.#file;
    // Back to where it still is: elsewhere it could not be written.
    if (old !== null && old.path === path) return;
    this.#file = path === null ? null : Pidfile.create(path);
    old?.close();
  }

  /** The same from time to time, in a server that runs: what is wrong is logged, once. */
  keep(configured: string | null): void {
    try {
      this.#write(configured);
    } catch (error) {
      if (!(error instanceof DenicornError)) throw error;
      this.#log.error(error.message);
    }
  }

  /** After a reload: what somebody has removed, or what could not be written, is written anew. */
  renew(configured: string | null): void {
    this.#path = undefined;
    if (this.#file?.isInPlace() === false) {
      this.#file.close();
      this.#file = null;
    }
    this.keep(configured);
  }

  close(): void {
    this.#file?.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #place(configured: string | null): string | null {
    return configured !== null && this.#predecessor.lives ? `${configured}.2` : configured;
  }
}
