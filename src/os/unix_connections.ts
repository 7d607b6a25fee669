/**
 * Accepted unix connections by their descriptors, which Deno does not tell. They have no addresses to be
 * known by, so each is looked for when it has just been accepted: then it is the one that is new.
 */

import { encodeAddress, SOCKADDR_BYTES } from "./address.ts";
import { libc } from "./libc.ts";
import {
  descriptorTableSize,
  getSocketOption,
  setSocketOption,
  SocketOption,
  SOL_SOCKET,
  unreadByPeer,
} from "./socket.ts";

/** The first descriptor behind the standard ones. */
const FIRST = 3;
/** How many descriptors that turn out to be free are looked at before others are. */
const NEAR = 2;

const SEND_BUFFER = SocketOption.sendBuffer;

/** What is on its way on a unix connection. */
export interface UnixOutgoing {
  /** Whether so much was not read that nothing more can be written. */
  readonly pending: boolean;
  /** Another number than at the last look, unless the client has certainly read nothing since. */
  readonly progress: number;
}

export class UnixConnection {
  readonly fd: number;
  /** Whose it is: one on which something is in flight has hardly ended. */
  user: { readonly inFlight: number } | null = null;
  /** It was told that it is over. */
  over = false;
  readonly #cookie: number;
  #unread = 0;
  #progress = 0;
  /** What the kernel takes for the client in ordinary times, bytes; 0: not asked yet. */
  #usual = 0;
  #held = false;

  constructor(fd: number, cookie: number) {
    this.fd = fd;
    this.#cookie = cookie;
  }

  /** Whether the descriptor still is this connection: its number may be another's, before Deno says so. */
  get isOpen(): boolean {
    return socketCookie(this.fd) === this.#cookie;
  }

  /**
   * What has been written is in the client's hands, and at most so much: more is to follow if there is no
   * room. Throws LibcError.
   *
   * That as much waits as before may mean that some was read, and as much written. So from the second look
   * on that finds the same, the kernel is told to take only half of that: whatever is read then shows,
   * since it cannot be made up for. When it does, things are as they were.
   */
  look(): UnixOutgoing {
    if (this.#usual === 0) this.#usual = getSocketOption(this.fd, SOL_SOCKET, SEND_BUFFER);
    const unread = unreadByPeer(this.fd);
    // From a quarter on there is room for the next write, as the kernel has it.
    const pending = unread * 4 > this.#usual;
    if (unread !== this.#unread) {
      this.#progress++;
      if (this.#held) this.#take(this.#usual);
      this.#held = false;
    } else if (pending && !this.#held) {
      this.#progress++;
      this.#take(unread / 2);
      this.#held = true;
    }
    this.#unread = unread;
    return { pending, progress: this.#progress };
  }

  #take(bytes: number): void {
    // The kernel doubles what it is told. socket(7)
    setSocketOption(this.fd, SOL_SOCKET, SEND_BUFFER, bytes / 2);
  }
}

export class UnixConnections {
  /** By their descriptors; those that are over as well, until another takes the number. */
  readonly #known: (UnixConnection | undefined)[] = [];
  /** The listening sockets', as the kernel writes them, by their paths. */
  readonly #addresses = new Map<string, Uint8Array>();
  /** One was not found, nor will others be: the system has no such descriptors to show. */
  #lost = false;

  /**
   * The connection that was accepted last on the socket at `path`; null where it is not found. To be
   * asked for each one, and before the next is accepted there.
   */
  accepted(path: string): UnixConnection | null {
    if (this.#lost) return null;
    let address = this.#addresses.get(path);
    if (address === undefined) {
      address = encodeAddress({ transport: "unix", path });
      this.#addresses.set(path, address);
    }
    const found = this.#findNear(address) ??
      // Numbers are taken anew before it is told that who had them is over; mostly when nothing was in flight.
      this.#findAgain(address, (one) => one.user === null || one.user.inFlight === 0) ??
      // Other files take numbers too, and give them back.
      this.#findAmongOthers(address, this.#known.length) ??
      this.#findAgain(address, () => true) ??
      this.#findAmongOthers(address, descriptorTableSize());
    this.#lost = found === null;
    return found;
  }

  /** It is over. */
  closed(connection: UnixConnection): void {
    const { fd } = connection;
    if (this.#known[fd] !== connection) return;
    connection.over = true;
  }

  /** Looks at those that are over, and behind the last. The kernel gives the lowest that is free. */
  #findNear(address: Uint8Array): UnixConnection | null {
    const last = this.#known.length;
    let free = 0;
    for (let fd = FIRST; free < NEAR && fd < last + NEAR; fd++) {
      if (fd < last && this.#known[fd]?.over !== true) continue;
      if (!isAcceptedAt(fd, address)) free++;
      else if (this.#isNew(fd)) return this.#take(fd);
    }
    return null;
  }

  /** Looks at all descriptors below this one that are no connection's. */
  #findAmongOthers(address: Uint8Array, end: number): UnixConnection | null {
    for (let fd = FIRST; fd < end; fd++) {
      const known = this.#known[fd];
      if (known !== undefined && !known.over) continue;
      if (isAcceptedAt(fd, address) && this.#isNew(fd)) return this.#take(fd);
    }
    return null;
  }

  /** Looks at the descriptors of connections that may have ended untold. */
  #findAgain(address: Uint8Array, mayBe: (one: UnixConnection) => boolean): UnixConnection | null {
    for (const one of this.#known) {
      if (one === undefined || one.over || !mayBe(one) || one.isOpen) continue;
      if (isAcceptedAt(one.fd, address)) return this.#take(one.fd);
    }
    return null;
  }

  /** Whether it is another connection than was known by this number. */
  #isNew(fd: number): boolean {
    const known = this.#known[fd];
    if (known === undefined || !known.isOpen) return true;
    // It was told that it is over, and it is open all the same: a WebSocket.
    known.over = false;
    return false;
  }

  #take(fd: number): UnixConnection | null {
    const cookie = socketCookie(fd);
    if (cookie === null) return null;
    return this.#known[fd] = new UnixConnection(fd, cookie);
  }
}

const bytes = new Uint8Array(SOCKADDR_BYTES);
const length = new Uint32Array(1);
const cookie = new Uint32Array(2);

/** Whether the descriptor is a connection that was accepted on the socket of this address. Never throws. */
function isAcceptedAt(fd: number, address: Uint8Array): boolean {
  length[0] = SOCKADDR_BYTES;
  if (libc().getsockname(fd, bytes, length) !== 0 || length[0] !== address.length) return false;
  for (let i = 0; i < address.length; i++) if (bytes[i] !== address[i]) return false;
  // The listening socket has the same address, and nobody at its other end.
  length[0] = SOCKADDR_BYTES;
  return libc().getpeername(fd, bytes, length) === 0;
}

/** A number that no other socket has had or will have; null where the kernel knows none (before 4.12). */
function socketCookie(fd: number): number | null {
  length[0] = cookie.byteLength;
  const told = libc().getsockopt(fd, SOL_SOCKET, SocketOption.cookie, cookie, length) === 0;
  // They are counted from 1 on: far from 2^53.
  return told ? cookie[0]! + cookie[1]! * 2 ** 32 : null;
}
