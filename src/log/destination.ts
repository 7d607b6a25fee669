/** Where log lines go, by blocking writes that never throw. */

import { openLogFile } from "./log_file.ts";

type Sink = { writeSync(bytes: Uint8Array): number };

/**
 * A file, standard output or standard error. What cannot be written (a full disk, a closed pipe) is
 * dropped and counted: a log must never end or stop what it tells of. (`console.log` would: on a
 * full disk it throws, and that ends the process.)
 */
export class Destination {
  readonly #path: string;
  readonly #standard: Sink;
  readonly #encoder = new TextEncoder();
  #file: Deno.FsFile | null = null;
  /** Lines were lost since the last one that went out. */
  #lost = 0;
  /** Part of a line went out, so the next one needs a line feed before it. */
  #torn = false;

  /** @throws what openLogFile throws: at start, a log that cannot be opened is an error. */
  constructor(path: string, standard: Sink = Deno.stderr) {
    this.#path = path;
    this.#standard = standard;
    if (path !== "-") this.#file = openLogFile(path);
  }

  get lost(): number {
    return this.#lost;
  }

  /** Writes one record, whole or not at all as far as the system allows. */
  write(text: string): void {
    const sink = this.#path === "-" ? this.#standard : this.#file;
    const bytes = this.#encoder.encode(this.#torn ? `\n${text}` : text);
    let written = 0;
    try {
      while (sink !== null && written < bytes.length) {
        const count = sink.writeSync(bytes.subarray(written));
        if (count === 0) break;
        written += count;
      }
    } catch {
      // Counted below.
    }
    if (sink !== null && written === bytes.length) {
      this.#torn = false;
      this.#lost = 0;
      return;
    }
    this.#lost++;
    if (written > 0) this.#torn = true;
  }

  /**
   * Opens the file anew by its name, after logrotate moved the old one. Returns why that cannot be, or
   * null; then the old file still takes what there is to say, and is better than none.
   */
  reopen(): unknown {
    if (this.#path === "-") return null;
    try {
      const fresh = openLogFile(this.#path);
      this.#close();
      this.#file = fresh;
      this.#torn = false;
      return null;
    } catch (error) {
      return error;
    }
  }

  close(): void {
    this.#close();
    this.#file = null;
  }

  #close() {
    try {
      this.#file?.close();
    } catch {
      // A close that fails has closed all the same (close(2)).
    }
  }
}
