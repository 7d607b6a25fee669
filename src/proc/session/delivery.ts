/**
 * Whether the last response is still on its way to the client. An exchange is over when Deno has its
 * response; until all of it is with the client, minutes may pass. The one place that knows is the
 * kernel, and whoever is about to close a connection asks here first.
 */

import type { KernelSide } from "../edge/kernel_side.ts";

/**
 * Over HTTP/2 a client that takes nothing of its response takes the answers to its pings: less than so much
 * is none of it, bytes.
 */
const LEAST_BYTES = 4 * 1024;

export class Delivery {
  readonly #kernel: KernelSide;
  readonly #connection: Deno.Conn;
  #pending = false;
  #taken = -1;
  #takenAt = 0;
  /** When it was last looked what the client had taken. */
  #lookedAt = 0;

  constructor(kernel: KernelSide, connection: Deno.Conn) {
    this.#kernel = kernel;
    this.#connection = connection;
  }

  /**
   * For how long the client has taken nothing of what is on its way to it, milliseconds; -1 where
   * nothing is on its way, or where it cannot be known.
   *
   * Where it took something since the last look, the kernel tells since when it has not. And where
   * nothing is on its way just now, more may come all the same: a fast client empties the queue before
   * Deno has written the next. So a second look, without progress, comes before -1.
   *
   * @param idleSince When the last exchange ended: looks before that tell nothing of its response.
   * @param held Whether Deno has some of it that the client's window has no room for.
   * @param http2 Whether the client speaks HTTP/2.
   */
  stuckFor(now: number, idleSince: number, held: boolean, http2: boolean): number {
    const outgoing = this.#kernel.outgoing(this.#connection);
    const first = this.#lookedAt < idleSince;
    const since = Math.max(this.#lookedAt, idleSince);
    this.#lookedAt = now;
    if (outgoing === null) return held ? 0 : -1;
    const pending = outgoing.pending || held;
    const moved = this.#taken < 0 || outgoing.taken - this.#taken >= (http2 ? LEAST_BYTES : 1);
    if (moved || !this.#pending) {
      this.#takenAt = Math.min(now, Math.max(since, now - outgoing.quietMs));
    }
    if (moved) this.#taken = outgoing.taken;
    this.#pending = pending;
    if (pending) return now - this.#takenAt;
    return moved && !first ? 0 : -1;
  }
}
