/** The words of shared memory between a WSGI thread and its server, as the server uses them. */

import { WSGI_WORDS, WsgiWord } from "../../protocol/wsgi/wsgi.ts";

export class Words {
  readonly #wakeGuests: () => void;
  readonly memory = new Int32Array(
    new SharedArrayBuffer(WSGI_WORDS * Int32Array.BYTES_PER_ELEMENT),
  );

  /** `wakeGuests` is called where one waits for the bell. */
  constructor(wakeGuests: () => void) {
    this.#wakeGuests = wakeGuests;
  }

  /** Id of the exchange that the thread runs, 0 for none. */
  get current(): number {
    return Atomics.load(this.memory, WsgiWord.current);
  }

  /**
   * The exchange was given up, which the thread hears of if it runs it. There is one word for it: it must
   * not be lost to an exchange that the thread is done with, whose client only takes what is left. Whoever
   * is too early, since the thread has just taken it, does it again as soon as the thread says something.
   */
  abort(id: number): void {
    if (this.current !== id) return;
    Atomics.store(this.memory, WsgiWord.aborted, id);
    this.ring();
  }

  /** So many bytes of its streams are the thread's to send again. */
  grant(bytes: number): void {
    if (bytes === 0) return;
    Atomics.add(this.memory, WsgiWord.taken, bytes);
    this.ring();
  }

  /** Wakes the thread, if it waits for something. */
  ring(): void {
    Atomics.add(this.memory, WsgiWord.bell, 1);
    Atomics.notify(this.memory, WsgiWord.bell);
    if (Atomics.load(this.memory, WsgiWord.guestWaits) === 0) return;
    Atomics.store(this.memory, WsgiWord.guestWaits, 0);
    this.#wakeGuests();
  }
}
