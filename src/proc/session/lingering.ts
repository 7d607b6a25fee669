/**
 * HTTP/2 connections that Deno has closed, until their clients have done so too. A client of HTTP/2 sends
 * as it takes (WINDOW_UPDATE), and Deno closes when the last frame is written: what the client sends then
 * is answered with a reset, and the rest of its response is lost. HAProxy even drops what it has got. So
 * the socket is kept for a while (RFC 9112, 9.6 has the same of HTTP/1).
 */

import { LibcError } from "../../os/libc.ts";
import type { KeptSocket } from "../../os/connections/kept_socket.ts";

/** So long a client may be silent that has yet to take some of its response, milliseconds. */
const SILENCE_MS = 5_000;
/** And so long one that has got all. */
const SILENCE_AFTER_ALL_MS = 1_000;
/** How often they are looked at, however often that is asked for: a look takes some 3 µs, milliseconds. */
const LOOK_MS = 100;
/** Nobody is waited for any longer, whatever is sent: as long as some is to be taken, and when all is. */
const LONGEST_MS = 30_000;
const LONGEST_AFTER_ALL_MS = 5_000;
/** So many are kept at most: they are beside `max_connections`, or who comes would wait for their looks. */
const MOST = 1_000;

interface Kept {
  readonly socket: KeptSocket;
  readonly since: number;
  /** When the client was last seen to send or to take anything. */
  movedAt: number;
  /** When it was last seen that the client has yet to take some. */
  pendingAt: number;
}

export class Lingering {
  readonly #most: number;
  #kept: Kept[] = [];
  #lookedAt = 0;

  constructor(most: number = MOST) {
    this.#most = most;
  }

  get size(): number {
    return this.#kept.length;
  }

  /** Waits for the end of a connection that Deno has closed. */
  add(socket: KeptSocket, now: number): void {
    socket.finish();
    const kept = { socket, since: now, movedAt: now, pendingAt: now };
    if (isOver(kept, now)) return socket.close();
    if (this.#kept.length === this.#most) this.#kept.shift()!.socket.close();
    this.#kept.push(kept);
  }

  /** Closes those whose clients have done so, or have nothing more to say. */
  look(now: number): void {
    if (this.#kept.length === 0 || now - this.#lookedAt < LOOK_MS) return;
    this.#lookedAt = now;
    this.#kept = this.#kept.filter((kept) => !isOver(kept, now) || kept.socket.close());
  }

  /** Closes all. */
  abort(): void {
    for (const { socket } of this.#kept) socket.close();
    this.#kept = [];
  }
}

function isOver(kept: Kept, now: number): boolean {
  const { socket, since } = kept;
  if (socket.isAtEnd || now - since >= LONGEST_MS) return true;
  try {
    if (socket.hasMoved()) kept.movedAt = now;
  } catch (error) {
    if (error instanceof LibcError) return true;
    throw error;
  }
  if (socket.isPending) {
    kept.pendingAt = now;
    return now - kept.movedAt >= SILENCE_MS;
  }
  return now - kept.movedAt >= SILENCE_AFTER_ALL_MS || now - kept.pendingAt >= LONGEST_AFTER_ALL_MS;
}
