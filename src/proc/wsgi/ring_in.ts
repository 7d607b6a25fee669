/** What a WSGI thread is told of its exchanges: the ring in, and what finds no room in it yet. */

import { type Ring, RingWriter } from "../../protocol/wsgi/byte_ring.ts";
import { MAX_PIECE_BYTES, PLAIN_WORDS, WsgiIn } from "../../protocol/wsgi/wsgi.ts";
import type { Words } from "./words.ts";

const HEAD_BYTES = PLAIN_WORDS * Int32Array.BYTES_PER_ELEMENT;

interface Piece {
  readonly operation: number;
  readonly id: number;
  readonly bytes: Uint8Array | null;
}

export class RingIn {
  readonly #ring: RingWriter;
  readonly #words: Words;
  /** Bounded by the window of the upload. */
  #waiting: Piece[] = [];

  constructor(memory: Ring, words: Words) {
    this.#ring = new RingWriter(memory);
    this.#words = words;
  }

  /** More of a request's body. */
  chunk(id: number, bytes: Uint8Array): void {
    for (let from = 0; from < bytes.length; from += MAX_PIECE_BYTES) {
      this.send(WsgiIn.chunk, id, bytes.subarray(from, from + MAX_PIECE_BYTES));
    }
  }

  send(operation: number, id: number, bytes: Uint8Array | null = null): void {
    this.#waiting.push({ operation, id, bytes });
    this.pump();
  }

  /** The exchange is over. Returns whether something of it had not found room, and is gone now. */
  forget(id: number): boolean {
    const count = this.#waiting.length;
    if (count === 0) return false;
    this.#waiting = this.#waiting.filter((piece) => piece.id !== id);
    return this.#waiting.length < count;
  }

  /** Fills the ring in, as far as the thread has emptied it. */
  pump(): void {
    let sent = 0;
    for (const { operation, id, bytes } of this.#waiting) {
      const at = this.#ring.reserve(HEAD_BYTES + (bytes?.length ?? 0));
      if (at < 0) break;
      this.#ring.words[at >> 2] = operation;
      this.#ring.words[(at >> 2) + 1] = id;
      if (bytes !== null) this.#ring.bytes.set(bytes, at + HEAD_BYTES);
      this.#ring.commit();
      sent++;
    }
    if (sent === 0) return;
    this.#waiting = this.#waiting.slice(sent);
    this.#words.ring();
  }
}
