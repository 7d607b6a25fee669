/**
 * Connections as the kernel has them: whether their client sends and takes, and ends that Deno's
 * close() does not make. Only TCP on Linux, with FFI; elsewhere nothing is known, and close() it is.
 */

import { ConnectionFds, isConnectedTo } from "../../os/connection_fds.ts";
import { libcUnavailable } from "../../os/libc.ts";
import {
  boundUnread,
  cutConnection,
  getTcpInfo,
  setAbortiveClose,
  type TcpInfo,
} from "../../os/socket.ts";
import { connectionFd } from "../deno/http.ts";

export class KernelSide {
  readonly #fds = new ConnectionFds();
  readonly #available = libcUnavailable() === null;

  /** To be called before each round of questions. */
  forget(): void {
    this.#fds.forget();
  }

  /** Null where it is not known, or no longer there. */
  info(connection: Deno.Conn): TcpInfo | null {
    const fd = this.#fd(connection);
    if (fd === null) return null;
    try {
      return getTcpInfo(fd);
    } catch {
      // Closed by the client just now.
      return null;
    }
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

  /** Bounds what the kernel keeps until it is read. Returns whether it could be told so. */
  boundUnread(connection: Deno.Conn, bytes: number): boolean {
    const fd = this.#fd(connection);
    if (fd === null) return false;
    try {
      boundUnread(fd, bytes);
    } catch {
      // Closed by the client just now.
    }
    return true;
  }

  #fd(connection: Deno.Conn): number | null {
    const { remoteAddr } = connection;
    if (!this.#available || remoteAddr.transport !== "tcp") return null;
    const peer = {
      transport: "tcp",
      hostname: remoteAddr.hostname,
      port: remoteAddr.port,
    } as const;
    const fd = connectionFd(connection);
    if (fd === null) return this.#fds.find(peer);
    // The connection may be closed, and its number another one's, before Deno says so.
    return isConnectedTo(fd, peer) ? fd : null;
  }
}
