/**
 * A ring of records in shared memory, from one writer to one reader. It costs neither side a message:
 * who wrote has to wake the other by other means, and need not where that one is at work anyway.
 *
 * A record is a length in bytes (one word), so many bytes, and what fills up the last word. It never
 * wraps around: where the end of the memory is too near, the length there is SKIP.
 */

/** What both ends are made from; crosses to a thread by postMessage. */
export interface Ring {
  /** Bytes written and bytes read since the beginning, modulo 2^32; whether the writer waits. */
  readonly control: Int32Array;
  /** The records, as words. The same memory is addressed by bytes. */
  readonly words: Int32Array;
}

const WRITTEN = 0;
const READ = 1;
const WRITER_WAITS = 2;
const SKIP = -1;
const WORD = Int32Array.BYTES_PER_ELEMENT;

/** `size`: bytes, a power of two. A record may take half of it. */
export function createRing(size: number): Ring {
  return {
    control: new Int32Array(new SharedArrayBuffer(3 * WORD)),
    words: new Int32Array(new SharedArrayBuffer(size)),
  };
}

/** Below this offset an empty ring does not begin anew: so few bytes are warm in the caches anyway. */
const COLD_BYTES = 64 * 1024;

const padded = (length: number) => (length + WORD + WORD - 1) & -WORD;

export class RingWriter {
  readonly words: Int32Array;
  readonly bytes: Uint8Array;
  readonly #control: Int32Array;
  readonly #size: number;
  #written: number;
  #next = 0;
  /** How far the reader was at the last look. */
  #seen = 0;

  constructor({ control, words }: Ring) {
    this.#control = control;
    this.words = words;
    this.bytes = new Uint8Array(words.buffer);
    this.#size = this.bytes.length;
    this.#written = Atomics.load(control, WRITTEN);
  }

  /** Goes on where another writer has stopped. */
  resume(): void {
    this.#written = Atomics.load(this.#control, WRITTEN);
  }

  /**
   * Makes room for a record. Returns where its bytes go, an offset divisible by 4, or -1 where it has
   * to wait for the reader. It is not there for the reader before {@linkcode commit}.
   */
  reserve(length: number): number {
    const need = padded(length);
    const start = this.#written & (this.#size - 1);
    this.#seen = Atomics.load(this.#control, READ);
    const used = (this.#written - this.#seen) >>> 0;
    // An empty ring begins anew, so that the same memory, warm in the caches, serves again and again.
    const anew = used === 0 && start >= COLD_BYTES && need <= start;
    const skipped = anew || start + need > this.#size ? this.#size - start : 0;
    if (used + skipped + need > this.#size) return -1;
    if (skipped > 0) this.words[start >> 2] = SKIP;
    const at = skipped > 0 ? 0 : start;
    this.words[at >> 2] = length;
    this.#next = (this.#written + skipped + need) | 0;
    return at + WORD;
  }

  /** Shows the reader what was reserved last. */
  commit(): void {
    this.#written = this.#next;
    Atomics.store(this.#control, WRITTEN, this.#written);
  }

  /**
   * Blocks until the reader has read something since reserve() found no room. Only in threads that
   * may block. No wake-up is missed: if the reader goes on first, READ has changed, and this does not
   * sleep.
   */
  waitForRoom(): void {
    Atomics.store(this.#control, WRITER_WAITS, 1);
    Atomics.wait(this.#control, READ, this.#seen);
    Atomics.store(this.#control, WRITER_WAITS, 0);
  }
}

export class RingReader {
  readonly words: Int32Array;
  readonly bytes: Uint8Array;
  /** Where the bytes of the record in hand begin, and how many they are. */
  at = 0;
  length = 0;
  readonly #control: Int32Array;
  readonly #mask: number;
  #read: number;

  constructor({ control, words }: Ring) {
    this.#control = control;
    this.words = words;
    this.bytes = new Uint8Array(words.buffer);
    this.#mask = this.bytes.length - 1;
    this.#read = Atomics.load(control, READ);
  }

  /** Goes on where another reader has stopped. */
  resume(): void {
    this.#read = Atomics.load(this.#control, READ);
  }

  /** Looks at the next record. Returns whether there is one. */
  next(): boolean {
    if (Atomics.load(this.#control, WRITTEN) === this.#read) return false;
    let start = this.#read & this.#mask;
    if (this.words[start >> 2] === SKIP) {
      this.#read = (this.#read + this.#mask + 1 - start) | 0;
      start = 0;
    }
    this.at = start + WORD;
    this.length = this.words[start >> 2]!;
    return true;
  }

  /** Whether the writer waits for room: to be asked where it sleeps on something else than READ. */
  get writerWaits(): boolean {
    return Atomics.load(this.#control, WRITER_WAITS) === 1;
  }

  /** Gives the memory of the record in hand back to the writer. */
  done(): void {
    this.#read = (this.#read + padded(this.length)) | 0;
    Atomics.store(this.#control, READ, this.#read);
    if (Atomics.load(this.#control, WRITER_WAITS) === 1) Atomics.notify(this.#control, READ);
  }
}
