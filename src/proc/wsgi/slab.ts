/** Small buffers cut out of large ones: a buffer of its own for each body costs more than its copy. */

/** One small body keeps its whole slab alive, so slabs must not be large. */
const SLAB_BYTES = 64 * 1024;
/** Above this a buffer of its own is cheaper than what the rest of a slab is worth. */
const MAX_CUT_BYTES = SLAB_BYTES / 4;

export class Slab {
  #slab = new Uint8Array(SLAB_BYTES);
  #used = 0;

  /** A copy of `length` bytes from `at` on. A slab is never used again: views of it may live on. */
  copy(source: Uint8Array, at: number, length: number): Uint8Array<ArrayBuffer> {
    if (length > MAX_CUT_BYTES) {
      const own = new Uint8Array(length);
      own.set(source.subarray(at, at + length));
      return own;
    }
    if (this.#used + length > SLAB_BYTES) {
      this.#slab = new Uint8Array(SLAB_BYTES);
      this.#used = 0;
    }
    const view = this.#slab.subarray(this.#used, this.#used += length);
    view.set(source.subarray(at, at + length));
    return view;
  }
}
