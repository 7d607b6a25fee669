/**
 * An accepted connection that stays open when Deno has closed it, by a descriptor of our own. What still
 * comes for a socket that is closed the kernel answers with a reset, and throws away what the other side
 * has not got yet.
 */

import { libc } from "../libc.ts";
import { closeFd } from "../sockets/socket.ts";
import { isAtEnd, unreadByPeer, unreadBytes } from "./connection.ts";

const F_DUPFD_CLOEXEC = 1030;
const LEAST_FD = 3n;
const SHUT_WR = 1;

export class KeptSocket {
  readonly #fd: number;
  #isOpen = true;
  #unread = 0;
  #pending = 0;

  private constructor(fd: number) {
    this.#fd = fd;
  }

  /** Keeps the connection of this descriptor; null where the process may have no more of them. */
  static of(fd: number): KeptSocket | null {
    const own = libc().fcntl(fd, F_DUPFD_CLOEXEC, LEAST_FD);
    return own < 0 ? null : new KeptSocket(own);
  }

  /** Nothing more is sent: the other side reads an end. */
  finish(): void {
    // Fails where the connection is over already.
    libc().shutdown(this.#fd, SHUT_WR);
  }

  /** The other side sends nothing more, or is gone. */
  get isAtEnd(): boolean {
    return isAtEnd(this.#fd);
  }

  /** Whether the other side has yet to take some of what was written, as of the last look. */
  get isPending(): boolean {
    return this.#pending > 0;
  }

  /** Whether the other side has sent or taken anything since the last look. Throws LibcError. */
  hasMoved(): boolean {
    const [unread, pending] = [unreadBytes(this.#fd), unreadByPeer(this.#fd)];
    const moved = unread !== this.#unread || pending !== this.#pending;
    [this.#unread, this.#pending] = [unread, pending];
    return moved;
  }

  close(): void {
    if (this.#isOpen) closeFd(this.#fd);
    this.#isOpen = false;
  }
}
