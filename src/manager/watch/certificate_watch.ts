/**
 * `tls_watch` for procs that run as another user, who usually may not read the key: they read it
 * before they became that user. So the manager watches the files in their place, and replaces them by
 * procs that read the key anew. The key itself is passed to nobody.
 */

import type { Config } from "../../config/config.ts";
import { lookAt } from "../../os/file_look.ts";

/** A change counts when the next look finds the same: both files have been exchanged by then. */
const LOOK_EVERY_MS = 2_500;

export class CertificateWatch {
  readonly #onChange: (files: readonly string[]) => void;
  #files: readonly string[] = [];
  /** As the procs read them, and at the last look. */
  #read = "";
  #last = "";
  #timer: ReturnType<typeof setInterval> | null = null;

  constructor(onChange: (files: readonly string[]) => void) {
    this.#onChange = onChange;
  }

  /** Watches what this configuration names, from now on. */
  follow({ tls_watch, user, certfile, keyfile }: Config): void {
    const watched = tls_watch && user !== null && certfile !== null && keyfile !== null;
    const files = watched ? [certfile, keyfile] : [];
    if (files.join("\n") === this.#files.join("\n")) return;
    this.close();
    this.#files = files;
    if (!watched) return;
    this.#read = this.#last = lookAt(files);
    this.#timer = setInterval(() => this.#look(), LOOK_EVERY_MS);
  }

  close(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }

  #look(): void {
    const now = lookAt(this.#files);
    const isQuiet = now === this.#last;
    this.#last = now;
    if (!isQuiet || now === this.#read) return;
    this.#read = now;
    this.#onChange(this.#files);
  }
}
