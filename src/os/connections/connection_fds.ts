/**
 * Finds the descriptors of accepted TCP connections by the addresses of their two ends. Deno tells the
 * descriptor of a plain one, but not of one with TLS.
 */

import {
  decodeAddress,
  isSameAddress,
  SOCKADDR_BYTES,
  type SocketAddress,
} from "../sockets/address.ts";
import { libc } from "../libc.ts";
import { descriptorTableSize } from "../sockets/fd_table.ts";

type TcpAddress = SocketAddress & { readonly transport: "tcp" };

/** Both: a client may come to two of our addresses from one port of its own. */
export interface Ends {
  readonly local: TcpAddress;
  readonly peer: TcpAddress;
}

/** What a search may take, some 5,000 connections, and be made for each connection that is new; milliseconds. */
const CHEAP_MS = 2;
/** Dearer ones take one part in so many of the time. */
const SEARCH_SHARE = 4;

export class ConnectionFds {
  /** Descriptors by the peer's port; null when they have to be looked for anew. */
  #byPort: Map<number, number[]> | null = null;
  #restUntil = 0;

  /** The descriptor of the connection with these ends, or null where there is none. */
  find(ends: Ends): number | null {
    this.#byPort ??= connectedFds();
    for (const fd of this.#byPort.get(ends.peer.port) ?? []) if (hasEnds(fd, ends)) return fd;
    return null;
  }

  /** To be called before each round of searches: descriptors come and go. */
  forget(): void {
    this.#byPort = null;
  }

  /**
   * Looks at once for what has come since. Returns false where that has taken its share of the time: with
   * 10,000 connections each new one would cost more than its TLS handshake.
   */
  renew(): boolean {
    const begun = performance.now();
    if (begun < this.#restUntil) return false;
    this.#byPort = connectedFds();
    const spent = performance.now() - begun;
    if (spent > CHEAP_MS) this.#restUntil = begun + SEARCH_SHARE * spent;
    return true;
  }
}

const bytes = new Uint8Array(SOCKADDR_BYTES);
const length = new Uint32Array(1);

/** Whether the descriptor is, now, a connection with these ends. Never throws. */
export function hasEnds(fd: number, { local, peer }: Ends): boolean {
  return readPeer(fd) && isRead(peer) && readLocal(fd) && isRead(local);
}

/** Whether this is the address that was read last. */
function isRead(address: TcpAddress): boolean {
  const found = decodeAddress(bytes, length[0]!);
  if (found === null) return false;
  if (isSameAddress(found, address)) return true;
  // A socket that listens on IPv6 has IPv4 peers as well, which Deno shows as such.
  return found.transport === "tcp" && found.port === address.port &&
    found.hostname === mappedToV6(address.hostname);
}

/** 10,000 connections are looked through in some 3 ms. */
function connectedFds(): Map<number, number[]> {
  const byPort = new Map<number, number[]>();
  const most = descriptorTableSize();
  for (let fd = 3; fd < most; fd++) {
    if (!readPeer(fd)) continue;
    // Of IPv4 and IPv6 alike, the port follows the family, in the net's order.
    const port = (bytes[2]! << 8) | bytes[3]!;
    const same = byPort.get(port);
    if (same === undefined) byPort.set(port, [fd]);
    else same.push(fd);
  }
  return byPort;
}

function readPeer(fd: number): boolean {
  length[0] = SOCKADDR_BYTES;
  return libc().getpeername(fd, bytes, length) === 0;
}

function readLocal(fd: number): boolean {
  length[0] = SOCKADDR_BYTES;
  return libc().getsockname(fd, bytes, length) === 0;
}

/** "1.2.3.4" as the URL parser, and so decodeAddress(), writes it in IPv6: "::ffff:102:304". */
function mappedToV6(hostname: string): string {
  const parts = hostname.split(".").map(Number);
  if (parts.length !== 4) return hostname;
  const [a = 0, b = 0, c = 0, d = 0] = parts;
  return `::ffff:${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
}
