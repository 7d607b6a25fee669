/** Calls from threads that are none of Deno's: each of them is a byte in a pipe. */

export class WakePipe {
  readonly #file: Deno.FsFile;
  #listening = false;

  /**
   * Opens it anew, since Deno reads no descriptor that it has not opened itself. At once, because
   * another user might not, and the process may become one.
   */
  constructor(fd: number) {
    this.#file = Deno.openSync(`/proc/self/fd/${fd}`);
  }

  /** Calls `onWake` whenever something comes, as long as the process lives. Called again, it does nothing. */
  async listen(onWake: () => void): Promise<void> {
    if (this.#listening) return;
    this.#listening = true;
    const bytes = new Uint8Array(4096);
    // A thread of Deno's pool waits for it: not before it has to.
    while (await this.#file.read(bytes) !== null) onWake();
  }
}
