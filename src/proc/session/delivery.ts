/**
 * Whether the last response is still on its way to the client. An exchange is over when Deno has its
 * response; until all of it is with the client, minutes may pass. The one place that knows is the
 * kernel, and whoever is about to close a connection asks here first.
 */

import type { KernelSide } from "../edge/kernel_side.ts";

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
   * nothing is, or where it cannot be known. It took something since the last look? Then not later
   * than the kernel tells; and more may come, though nothing is on its way just now: a fast client
   * takes it before Deno has written the next.
   *
   * @param idleSince When the last exchange ended: looks before that tell nothing of its response.
   * @param held Whether Deno has some of it that the client's window has no room for.
   */
  stuckFor(now: number, idleSince: number, held: boolean): number {
    const outgoing = this.#kernel.outgoing(this.#connection);
    const first = this.#lookedAt < idleSince;
    const since = Math.max(this.#lookedAt, idleSince);
    this.#lookedAt = now;
    if (outgoing === null) return held ? 0 : -1;
    const pending = outgoing.pending || held;
    const moved = outgoing.taken !== this.#taken;
    if (moved || !this.#pending) {
      this.#takenAt = Math.min(now, Math.max(since, now - outgoing.quietMs));
    }
    this.#taken = outgoing.taken;
    this.#pending = pending;
    if (pending) return now - this.#takenAt;
    return moved && !first ? 0 : -1;
  }
}
