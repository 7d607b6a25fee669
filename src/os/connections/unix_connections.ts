/**
 * Accepted unix connections by their descriptors, which Deno does not tell. They have no addresses to be
 * known by, so each is looked for when it has just been accepted: then it is the one that is new.
 */

import { setImmediate } from "node:timers";
import { encodeAddress, SOCKADDR_BYTES } from "../sockets/address.ts";
import { libc } from "../libc.ts";
import { descriptorTableSize, isInUse } from "../sockets/fd_table.ts";
import { getSocketOption, setSocketOption, SocketOption, SOL_SOCKET } from "../sockets/socket.ts";
import { unreadByPeer } from "./connection.ts";

/** The first descriptor behind the standard ones. */
const FIRST = 3;
/** How many descriptors that turn out to be free are looked at before others are. */
const NEAR = 4;
/** How many are looked at in each of the places where a new connection is likely to be. */
const PLACES = 16;
/** Turns of the event loop within which Deno tells of a connection that it has closed; mostly the third. */
const TURNS = 8;

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

/** What a search that waits is told of: the numbers of connections that ended since it began. */
type Ended = number[];

export class UnixConnections {
  /** By their descriptors; those that are over as well, until another takes the number. */
  readonly #known: (UnixConnection | undefined)[] = [];
  /** Numbers of those that are over, in rising order; others may have taken them since. */
  readonly #free: number[] = [];
  /** Numbers that were last seen in use, the latest first. */
  readonly #recent: number[] = [];
  readonly #searches = new Set<Ended>();
  /** The listening sockets', as the kernel writes them, by their paths. */
  readonly #addresses = new Map<string, Uint8Array>();
  /** The first was not found, nor will others be: the system has no such descriptors to show. */
  #lost = false;
  #looks = 0;

  /** Descriptors that were looked at so far. */
  get looks(): number {
    return this.#looks;
  }

  /** Whether {@linkcode UnixConnections.search} may find what {@linkcode UnixConnections.accepted} does not. */
  get canSearch(): boolean {
    return !this.#lost;
  }

  /**
   * The connection that was accepted last on the socket at `path`; null where it is in none of the few
   * places that are looked at. To be asked for each one, and before the next is accepted there.
   */
  accepted(path: string): UnixConnection | null {
    return this.#lost ? null : this.#findNear(this.#address(path));
  }

  /**
   * Looks on for what accepted() has not found. Its number is that of a connection which Deno has closed,
   * and says so within some turns: that is waited for, since all the others are too many to be asked at each
   * accept. To be awaited before the next is accepted there. `isOpen`: whether it still is worth it.
   */
  async search(path: string, isOpen: () => boolean): Promise<UnixConnection | null> {
    const address = this.#address(path);
    const ended: Ended = [];
    this.#searches.add(ended);
    try {
      for (let turn = 0; turn < TURNS; turn++) {
        await new Promise<void>((resolve) => setImmediate(resolve));
        for (let fd = ended.pop(); fd !== undefined; fd = ended.pop()) {
          const found = this.#look(fd, address);
          if (found !== null) return found;
        }
      }
    } finally {
      this.#searches.delete(ended);
    }
    return isOpen() ? this.#findAmongAll(address) : null;
  }

  /** It is over. */
  closed(connection: UnixConnection): void {
    const { fd } = connection;
    if (this.#known[fd] !== connection) return;
    connection.over = true;
    this.released(fd);
  }

  /** The number was another file's, which is closed. */
  released(fd: number): void {
    if (this.#lost || fd >= this.#known.length) return;
    for (const ended of this.#searches) ended.push(fd);
    const place = placeOf(fd, this.#free);
    if (this.#free[place] !== fd) this.#free.splice(place, 0, fd);
  }

  #address(path: string): Uint8Array {
    let address = this.#addresses.get(path);
    if (address === undefined) {
      address = encodeAddress({ transport: "unix", path });
      this.#addresses.set(path, address);
    }
    return address;
  }

  /** Looks where it is likely to be: at so many places at most, however many connections there are. */
  #findNear(address: Uint8Array): UnixConnection | null {
    return this.#findFree(address) ?? this.#findRecent(address) ?? this.#findBehind(address);
  }

  /** Looks at the numbers of those that are over. The kernel gives the lowest that is free. */
  #findFree(address: Uint8Array): UnixConnection | null {
    for (let at = 0, looks = 0; at < Math.min(this.#free.length, NEAR) && looks < PLACES; looks++) {
      const fd = this.#free[at]!;
      const found = this.#look(fd, address);
      if (found !== null) return found;
      if (!isInUse(fd)) at++;
      else {
        // Another file's, or a WebSocket's: HTTP is over on it.
        this.#free.splice(at, 1);
        this.#used(fd);
      }
    }
    return null;
  }

  /** Numbers are taken anew before it is told that who had them is over, mostly by who came and went just now. */
  #findRecent(address: Uint8Array): UnixConnection | null {
    for (const fd of this.#recent) {
      const found = this.#look(fd, address);
      if (found !== null) return found;
    }
    return null;
  }

  /** Looks behind the last; for the first of all behind whatever else is open. */
  #findBehind(address: Uint8Array): UnixConnection | null {
    const last = this.#known.length;
    const end = last === 0 ? descriptorTableSize() : last + PLACES;
    for (let fd = Math.max(FIRST, last), free = 0; free < NEAR && fd < end; fd++) {
      const found = this.#look(fd, address);
      if (found !== null) return found;
      if (!isInUse(fd)) free++;
    }
    return null;
  }

  #findAmongAll(address: Uint8Array): UnixConnection | null {
    const end = Math.max(this.#known.length, descriptorTableSize());
    for (let fd = FIRST; fd < end; fd++) {
      const found = this.#look(fd, address);
      if (found !== null) return found;
    }
    this.#lost = this.#known.length === 0;
    return null;
  }

  /** Null where the number is not of a connection to this address, or of one that is known. */
  #look(fd: number, address: Uint8Array): UnixConnection | null {
    this.#looks++;
    const known = this.#known[fd];
    if (known?.isOpen) {
      // It was told that it is over, and it is open all the same: a WebSocket.
      known.over = false;
      return null;
    }
    if (!isAcceptedAt(fd, address)) return null;
    const cookie = socketCookie(fd);
    if (cookie === null) return null;
    const place = placeOf(fd, this.#free);
    if (this.#free[place] === fd) this.#free.splice(place, 1);
    this.#used(fd);
    return this.#known[fd] = new UnixConnection(fd, cookie);
  }

  #used(fd: number): void {
    const before = this.#recent.indexOf(fd);
    if (before >= 0) this.#recent.splice(before, 1);
    else if (this.#recent.length === PLACES) this.#recent.pop();
    this.#recent.unshift(fd);
  }
}

/** Where in the rising `numbers` this one is, or ought to be. */
function placeOf(number: number, numbers: readonly number[]): number {
  let [from, to] = [0, numbers.length];
  while (from < to) {
    const middle = (from + to) >> 1;
    if (numbers[middle]! < number) from = middle + 1;
    else to = middle;
  }
  return from;
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
