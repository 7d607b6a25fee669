/** Where log lines go, by writes that neither throw nor wait for a reader. */

import type { Output } from "../os/instant_output.ts";
import { type Opened, openOutput } from "./output.ts";

/** Bytes that may wait for a reader. Of further lines the newest are kept, the others dropped and counted. */
const MAX_WAITING_BYTES = 1024 * 1024;
const MAX_NEWEST_BYTES = 64 * 1024;
/** When to try again, milliseconds: after the reader took some of what waits, and after it took nothing. */
const SOON_MS = 5;
const LATER_MS = 50;
/** The end waits so long for a reader that takes nothing, milliseconds. */
const SILENT_READER_MS = 1_000;
/** And so long for one that takes little by little. */
const SLOW_READER_MS = 5_000;

/** Text that goes out whole, and how many lines are lost with it: more than one where it tells of them. */
interface Waiting {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly lines: number;
}

/**
 * A file or standard error. What cannot be written (a full disk, a closed pipe) is
 * dropped and counted: a log must never end or stop what it tells of. (`console.log` would: on a
 * full disk it throws, and that ends the process.) What has no room in a pipe or on a terminal waits
 * for it here, in its order.
 */
export class Destination {
  readonly #open: (path: string) => Opened;
  readonly #tellLost: (lost: number) => string;
  readonly #encoder = new TextEncoder();
  #path: string;
  #output: Output | null;
  #identity: string | null;
  /** `#begun` bytes of the first one are out. */
  #waiting: Waiting[] = [];
  #waitingBytes = 0;
  #begun = 0;
  /** What came when no more could wait, and goes out behind it: the last word is among it. */
  #newest: Waiting[] = [];
  #newestBytes = 0;
  #retry: ReturnType<typeof setTimeout> | null = null;
  /** Lines that are lost between `#waiting` and `#newest`. */
  #lost = 0;
  /** Part of a line went out and no more will, so the next one needs a line feed before it. */
  #torn = false;

  /**
   * `tellLost` makes the line that says how many lines are missing before it.
   *
   * @throws what openLogFile throws: at start, a log that cannot be opened is an error.
   */
  constructor(path: string, tellLost: (lost: number) => string, open = openOutput) {
    this.#path = path;
    this.#tellLost = tellLost;
    this.#open = open;
    const { output, identity } = open(path);
    this.#output = output;
    this.#identity = identity;
  }

  /** Writes one record, whole or not at all as far as the system allows. */
  write(text: string): void {
    const bytes = this.#encoder.encode(text);
    const waits = this.#waiting.length > 0;
    const isFull = this.#waitingBytes + bytes.length > MAX_WAITING_BYTES;
    // Behind a gap all is newer than it, until what was before it is out.
    if (waits && (isFull || this.#newest.length > 0)) return this.#keepNewest({ bytes, lines: 1 });
    this.#push({ bytes, lines: 1 });
    if (waits) return;
    this.#pass();
    if (this.#waiting.length > 0) this.#retryIn(LATER_MS);
  }

  /**
   * Opens a file by its name, another one or the same anew, after logrotate moved the old one. The old
   * one gets no more; what waited for its reader waits for this one's. Another file gets it whole; in
   * the same one (a pipe, or what nobody has moved) it goes on where it stopped.
   *
   * @throws what openLogFile throws, and then all stays as it was.
   */
  moveTo(path: string): void {
    if (path === "-" && this.#path === "-") return;
    const { output, identity } = this.#open(path);
    // The old one is still open, so no other file can have its number.
    const isSame = identity !== null && identity === this.#identity;
    this.#output?.close();
    this.#output = output;
    this.#identity = identity;
    this.#path = path;
    if (isSame) return;
    this.#torn = false;
    this.#begun = 0;
  }

  /**
   * Writes what waits, for as long as somebody takes it, and closes the file. It holds the thread up
   * meanwhile: it is the last that is done before the process ends, from wherever that is.
   */
  close(): void {
    if (this.#retry !== null) clearTimeout(this.#retry);
    this.#retry = null;
    const begin = performance.now();
    let heard = begin;
    while (this.#waiting.length > 0) {
      const now = performance.now();
      if (this.#pass()) heard = now;
      else if (now - heard > SILENT_READER_MS) break;
      if (now - begin > SLOW_READER_MS) break;
      if (this.#waiting.length > 0) sleep(SOON_MS);
    }
    this.#output?.close();
    this.#output = null;
  }

  #retryIn(ms: number): void {
    if (this.#retry !== null) return;
    this.#retry = setTimeout(() => {
      this.#retry = null;
      const progress = this.#pass();
      if (this.#waiting.length > 0) this.#retryIn(progress ? SOON_MS : LATER_MS);
    }, ms);
    // It keeps no process from its end.
    Deno.unrefTimer(this.#retry);
  }

  /** Writes what there is room for. Returns whether there was any. */
  #pass(): boolean {
    let progress = false;
    try {
      while (this.#waiting.length > 0) {
        if (!this.#passSome()) return progress;
        progress = true;
      }
    } catch {
      this.#drop();
    }
    return progress;
  }

  /** Writes of the first line. Returns false where there is no room. */
  #passSome(): boolean {
    const bytes = this.#waiting[0]?.bytes;
    if (bytes === undefined || this.#output === null) throw new Error("The log is closed");
    if (this.#torn) {
      if (this.#output.write(LINE_FEED) === null) return false;
      this.#torn = false;
    }
    const count = this.#output.write(bytes.subarray(this.#begun));
    if (count === null || count === 0) return false;
    this.#begun += count;
    if (this.#begun < bytes.length) return true;
    this.#begun = 0;
    this.#waitingBytes -= bytes.length;
    this.#waiting.shift();
    if (this.#waiting.length === 0) this.#closeGap();
    return true;
  }

  /** Says how many lines are lost, in their place, and goes on with the newest. */
  #closeGap(): void {
    const newest = this.#newest;
    this.#newest = [];
    this.#newestBytes = 0;
    if (this.#lost > 0) {
      const lines = this.#lost;
      this.#lost = 0;
      this.#push({ bytes: this.#encoder.encode(this.#tellLost(lines)), lines });
    }
    for (const waiting of newest) this.#push(waiting);
  }

  #keepNewest(waiting: Waiting): void {
    this.#newest.push(waiting);
    this.#newestBytes += waiting.bytes.length;
    while (this.#newestBytes > MAX_NEWEST_BYTES && this.#newest.length > 1) {
      this.#newestBytes -= this.#newest.shift()!.bytes.length;
      this.#lost++;
    }
  }

  #push(waiting: Waiting): void {
    this.#waiting.push(waiting);
    this.#waitingBytes += waiting.bytes.length;
  }

  /** A full disk, or a reader that has gone: what waits is lost. */
  #drop(): void {
    for (const { lines } of [...this.#waiting, ...this.#newest]) this.#lost += lines;
    this.#newest = [];
    this.#newestBytes = 0;
    this.#torn ||= this.#begun > 0;
    this.#waiting = [];
    this.#waitingBytes = 0;
    this.#begun = 0;
  }
}

const LINE_FEED = new Uint8Array([10]);

function sleep(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}
