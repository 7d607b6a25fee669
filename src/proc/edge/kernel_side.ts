/**
 * Connections as the kernel has them: whether their client sends and takes, and ends that Deno's
 * close() does not make. Only on Linux, with FFI; elsewhere nothing is known, and close() it is. Of unix
 * connections it is known what the client takes, and not what it has sent.
 */

import { LoneRequest } from "../../deno/lone_request.ts";
import { connectionFd } from "../../deno/http.ts";
import { ConnectionFds, type Ends, hasEnds } from "../../os/connections/connection_fds.ts";
import { KeptSocket } from "../../os/connections/kept_socket.ts";
import { muteConnection } from "../../os/connections/mute.ts";
import { libcUnavailable } from "../../os/libc.ts";
import { type UnixConnection, UnixConnections } from "../../os/connections/unix_connections.ts";
import {
  boundUnread,
  cutConnection,
  getTcpInfo,
  isAtEnd,
  setAbortiveClose,
  type TcpInfo,
  unreadBytes,
} from "../../os/connections/connection.ts";

/**
 * What has to be asked for so that one segment fits: twice as much is given, of which up to a half is
 * taken for something else, and the window is rounded down.
 */
const SEGMENT_ROOM = 1.25;

/** What a client reads of a unix connection is noticed in steps of this size. */
const UNIX_PIECE_BYTES = 36 * 1024;

/** What is on its way to a client. */
export interface Outgoing {
  /** Whether the client has yet to take some of what was written to it. */
  readonly pending: boolean;
  /** Bytes that the client has taken: more than at the last look where it has taken anything since. */
  readonly taken: number;
  /** Milliseconds since it last took anything, at least. */
  readonly quietMs: number;
}

export class KernelSide {
  readonly #fds = new ConnectionFds();
  readonly #unix = new UnixConnections();
  readonly #unixOf = new WeakMap<Deno.Conn, UnixConnection>();
  /** Unix connections whose descriptors are still looked for. */
  readonly #sought = new Set<Deno.Conn>();
  readonly #available = libcUnavailable() === null;

  /**
   * A connection was accepted: to be called for each one, and before anything is awaited. Where a promise
   * is returned, no other is to be accepted on the same listener before it resolves, in some turns; this
   * one may be used meanwhile.
   */
  accepted(connection: Deno.Conn): Promise<void> | void {
    const { transport, path } = connection.localAddr as Deno.UnixAddr;
    if (!this.#available || transport !== "unix" || connection instanceof LoneRequest) return;
    // A socket of somebody else's that has no name.
    if (path === null) return;
    const found = this.#unix.accepted(path);
    if (found !== null) this.#unixOf.set(connection, found);
    else if (this.#unix.canSearch) return this.#search(connection, path);
  }

  async #search(connection: Deno.Conn, path: string): Promise<void> {
    this.#sought.add(connection);
    const found = await this.#unix.search(path, () => this.#sought.has(connection));
    if (found !== null) this.#unixOf.set(connection, found);
    const ended = !this.#sought.delete(connection);
    if (found !== null && ended) this.#unix.closed(found);
  }

  /** It is over; of a WebSocket's this may be told twice, first when HTTP is over on it. */
  closed(connection: Deno.Conn): void {
    this.#sought.delete(connection);
    const unix = this.#unixOf.get(connection);
    if (unix !== undefined) return this.#unix.closed(unix);
    const fd = connectionFd(connection);
    if (fd !== null) this.#unix.released(fd);
  }

  /** To be called before each round of questions. */
  forget(): void {
    this.#fds.forget();
  }

  /** Null where it is not known, or no longer there. */
  info(connection: Deno.Conn): TcpInfo | null {
    const fd = this.#tcpFd(connection);
    if (fd === null) return null;
    try {
      return getTcpInfo(fd);
    } catch {
      // Closed by the client just now.
      return null;
    }
  }

  /** Null where it is not known, or no longer there. */
  outgoing(connection: Deno.Conn): Outgoing | null {
    const unix = this.#unixOf.get(connection);
    if (unix !== undefined) return unixOutgoing(unix);
    const info = this.info(connection);
    if (info === null) return null;
    return {
      pending: info.unacked > 0 || info.notsent_bytes > 0,
      taken: info.bytes_acked,
      // A round trip after the kernel last had room to send.
      quietMs: info.last_data_sent - info.rtt / 1000,
    };
  }

  /** Bytes that came and that Deno has yet to read; 0 where it is not known, or no longer there. */
  unread(connection: Deno.Conn): number {
    const fd = this.#fd(connection);
    if (fd === null) return 0;
    try {
      return unreadBytes(fd);
    } catch {
      // Closed by the client just now.
      return 0;
    }
  }

  /** Whether the client has left, or said that it sends no more; false where that cannot be known. */
  hasLeft(connection: Deno.Conn): boolean {
    const fd = this.#fd(connection);
    if (fd !== null) return isAtEnd(fd);
    // One whose descriptor was known has none any more.
    if (this.#unixOf.has(connection)) return true;
    if (!this.#available || connection.remoteAddr.transport !== "tcp") return false;
    if (connection instanceof LoneRequest) return false;
    if (connectionFd(connection) !== null) return true;
    // One with TLS that has come since the last round, or has gone.
    if (!this.#fds.renew()) return false;
    const found = this.#fds.find(endsOf(connection));
    return found === null || isAtEnd(found);
  }

  /** Whether {@linkcode KernelSide.cut} can be had. */
  canCut(connection: Deno.Conn): boolean {
    return this.#fd(connection) !== null;
  }

  /**
   * Ends the connection now, with all that Deno still waits for on it. Deno's own close() leaves a
   * TLS handshake, and a TLS connection whose client does not read, to a task that waits for ever.
   */
  cut(connection: Deno.Conn): void {
    const fd = this.#fd(connection);
    if (fd === null) return;
    // What the client has not taken is thrown away, or the kernel would go on offering it.
    setAbortiveClose(fd);
    cutConnection(fd);
  }

  /**
   * Has the connection outlive Deno's close() by a descriptor of its own. Null where it cannot be had: of a
   * unix connection the second descriptor would be taken for one that was just accepted.
   */
  keep(connection: Deno.Conn): KeptSocket | null {
    const fd = this.#tcpFd(connection);
    return fd === null ? null : KeptSocket.of(fd);
  }

  /** Drops what comes on the connection from now on. Returns whether that could be had. */
  mute(connection: Deno.Conn): boolean {
    const fd = this.#tcpFd(connection);
    return fd !== null && muteConnection(fd);
  }

  /**
   * Bounds what the kernel keeps until it is read, but to no less than a segment: to a receiver that has
   * no room for one, 64 KiB on loopback, a sender sends by a timer alone, five times a second. Returns
   * whether the kernel could be told so.
   */
  boundUnread(connection: Deno.Conn, bytes: number): boolean {
    const fd = this.#tcpFd(connection);
    if (fd === null) return false;
    try {
      boundUnread(fd, Math.max(bytes, Math.ceil(SEGMENT_ROOM * getTcpInfo(fd).advmss)));
    } catch {
      // Closed by the client just now.
    }
    return true;
  }

  #fd(connection: Deno.Conn): number | null {
    const unix = this.#unixOf.get(connection);
    if (unix !== undefined) return unix.isOpen ? unix.fd : null;
    return this.#tcpFd(connection);
  }

  #tcpFd(connection: Deno.Conn): number | null {
    if (!this.#available || connection.remoteAddr.transport !== "tcp") return null;
    // Of the connection that such a request came by nothing is known but who is at its other end.
    if (connection instanceof LoneRequest) return null;
    const ends = endsOf(connection);
    const fd = connectionFd(connection);
    if (fd === null) return this.#fds.find(ends);
    // The connection may be closed, and its number another one's, before Deno says so.
    return hasEnds(fd, ends) ? fd : null;
  }
}

function unixOutgoing(unix: UnixConnection): Outgoing | null {
  try {
    if (!unix.isOpen) return null;
    const { pending, progress } = unix.look();
    // When that was nobody knows; it may have been just now.
    return { pending, taken: progress * UNIX_PIECE_BYTES, quietMs: 0 };
  } catch {
    // Closed by Deno just now.
    return null;
  }
}

/** Of a TCP connection. */
function endsOf({ localAddr, remoteAddr }: Deno.Conn): Ends {
  const [local, peer] = [localAddr, remoteAddr] as [Deno.NetAddr, Deno.NetAddr];
  return {
    local: { transport: "tcp", hostname: local.hostname, port: local.port },
    peer: { transport: "tcp", hostname: peer.hostname, port: peer.port },
  };
}
