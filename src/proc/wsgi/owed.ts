/** What a thread's streamed responses have sent and their clients have not taken: credit that it lacks. */

import type { Words } from "./words.ts";

export class Owed {
  readonly #words: Words;
  /** Bytes by exchange, from the head of its response to its end. */
  readonly #bytes = new Map<number, number>();

  constructor(words: Words) {
    this.#words = words;
  }

  /** A streamed response begins. */
  begin(id: number): void {
    this.#bytes.set(id, 0);
  }

  /** The thread has sent so much of it. False where nobody waits for it any more. */
  add(id: number, bytes: number): boolean {
    const owed = this.#bytes.get(id);
    if (owed === undefined) this.#words.grant(bytes);
    else this.#bytes.set(id, owed + bytes);
    return owed !== undefined;
  }

  /** The client has taken so much of it. */
  credit(id: number, bytes: number): void {
    const owed = this.#bytes.get(id);
    if (owed === undefined) return;
    this.#bytes.set(id, owed - bytes);
    this.#words.grant(bytes);
  }

  /** No more comes of it, or nobody waits for it: the thread may go on with another one. */
  settle(id: number): void {
    const owed = this.#bytes.get(id);
    if (owed === undefined) return;
    this.#words.grant(owed);
    this.#bytes.delete(id);
  }
}
