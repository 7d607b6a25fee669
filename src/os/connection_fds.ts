/**
 * Finds the descriptors of accepted TCP connections by the address at their other end. Deno tells the
 * descriptor of a plain one, but not of one with TLS.
 */

import { decodeAddress, isSameAddress, SOCKADDR_BYTES, type SocketAddress } from "./address.ts";
import { libc } from "./libc.ts";
import { descriptorTableSize } from "./socket.ts";

type Peer = SocketAddress & { readonly transport: "tcp" };

export class ConnectionFds {
  /** Descriptors by the peer's port; null when they have to be looked for anew. */
  #byPort: Map<number, number[]> | null = null;

  /** The descriptor of the connection with this peer, or null where there is none. */
  find(peer: Peer): number | null {
    this.#byPort ??= connectedFds();
    for (const fd of this.#byPort.get(peer.port) ?? []) if (isConnectedTo(fd, peer)) return fd;
    return null;
  }

  /** To be called before each round of searches: descriptors come and go. */
  forget(): void {
    this.#byPort = null;
  }
}

const bytes = new Uint8Array(SOCKADDR_BYTES);
const length = new Uint32Array(1);

/** Whether the descriptor is, now, a connection with this peer. Never throws. */
export function isConnectedTo(fd: number, peer: Peer): boolean {
  if (!readPeer(fd)) return false;
  const found = decodeAddress(bytes, length[0]!);
  if (found === null) return false;
  if (isSameAddress(found, peer)) return true;
  // A socket that listens on IPv6 has IPv4 peers as well, which Deno shows as such.
  return found.transport === "tcp" && found.port === peer.port &&
    found.hostname === mappedToV6(peer.hostname);
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

/** "1.2.3.4" as the URL parser, and so decodeAddress(), writes it in IPv6: "::ffff:102:304". */
function mappedToV6(hostname: string): string {
  const parts = hostname.split(".").map(Number);
  if (parts.length !== 4) return hostname;
  const [a = 0, b = 0, c = 0, d = 0] = parts;
  return `::ffff:${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
}
