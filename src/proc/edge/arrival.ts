/** A connection before its first byte of HTTP: its PROXY header or TLS handshake, under a deadline. */

import type { Timed } from "./deadlines.ts";
import type { KernelSide } from "./kernel_side.ts";
import { type ProxyHeader, readProxyHeader } from "./proxy_protocol.ts";

/** What was learnt before the first byte of HTTP. */
export interface Introduction {
  /** Null where none was expected. */
  readonly proxyHeader: ProxyHeader | null;
  /** Whether TLS has settled on HTTP/2; undefined where the client has yet to show it. */
  readonly http2: boolean | undefined;
}

export class Arrival implements Timed {
  dueAt = Infinity;
  lookAt = -1;
  lookPlace = -1;
  overdue = false;

  readonly #connection: Deno.Conn;
  readonly #kernel: KernelSide;

  constructor(connection: Deno.Conn, kernel: KernelSide) {
    this.#connection = connection;
    this.#kernel = kernel;
  }

  /**
   * Reads the PROXY header that the peer has to send, or waits for the handshake. Throws
   * ProxyHeaderError, or what the connection throws when it breaks or is closed.
   */
  async introduce(expectsProxyHeader: boolean): Promise<Introduction> {
    const connection = this.#connection;
    if (isTls(connection)) {
      const { alpnProtocol } = await connection.handshake();
      return {
        proxyHeader: null,
        http2: alpnProtocol === null ? undefined : alpnProtocol === "h2",
      };
    }
    const proxyHeader = expectsProxyHeader ? await readProxyHeader(connection) : null;
    return { proxyHeader, http2: undefined };
  }

  onDue(): void {
    this.overdue = true;
    this.#kernel.cut(this.#connection);
    this.close();
  }

  /** Ends what {@linkcode introduce} waits for. */
  close(): void {
    try {
      this.#connection.close();
    } catch {
      // Closed already.
    }
  }
}

export function isTls(connection: Deno.Conn): connection is Deno.TlsConn {
  return "handshake" in connection;
}
