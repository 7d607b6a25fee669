/** The pipe that tells Python what clients have taken; see protocol/wsgi/sockets.ts. */

import { setImmediate } from "node:timers";
import { libc } from "../../os/libc.ts";

/** Writes of up to so many bytes are never cut in two (pipe(7), PIPE_BUF). */
const MAX_WRITE_BYTES = 4096;
/** A full pipe is tried again after so long, milliseconds: Python reads it when it gets the GIL. */
const RETRY_MS = 10;

export class CreditPipe {
  readonly #fd: number;
  #pairs: number[] = [];
  #scheduled = false;

  constructor(fd: number) {
    this.#fd = fd;
  }

  tell(id: number, bytes: number): void {
    this.#pairs.push(id, bytes);
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(this.#flush);
  }

  readonly #flush = (): void => {
    const pairs = Int32Array.from(this.#pairs);
    const step = MAX_WRITE_BYTES / Int32Array.BYTES_PER_ELEMENT;
    let written = 0;
    while (written < pairs.length) {
      const some = pairs.subarray(written, written + step);
      if (libc().write(this.#fd, some, BigInt(some.byteLength)) < 0n) break;
      written += some.length;
    }
    this.#pairs.splice(0, written);
    this.#scheduled = this.#pairs.length > 0;
    if (this.#scheduled) setTimeout(this.#flush, RETRY_MS);
  };
}
