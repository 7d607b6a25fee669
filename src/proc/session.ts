/** One accepted connection, with all of its exchanges. */

import {
  type ConnectionHandler,
  type HttpConnection,
  isHttp2,
  serveConnection,
} from "./deno_http.ts";
import type { Field } from "../protocol/head.ts";
import type { TrustedPeers } from "../config/cidr.ts";
import type { Peer } from "./edge/head_check.ts";
import type { ThreadHandle } from "./thread_handle.ts";

/** What a session reports to the server that owns it. */
export interface SessionEvents {
  /** Deno's HTTP failed to answer; the client gets a 500 if it still listens. */
  onError(error: unknown): Response;
  onClosed(session: Session): void;
}

export class Session implements Peer {
  readonly remoteHost: string;
  readonly remotePort: number;
  readonly scheme: "http" | "https";
  readonly origin: string;
  readonly trusted: boolean;
  /** Exchanges in flight on this connection (HTTP/2 has several). */
  inFlight = 0;
  /** Exchanges begun. */
  requests = 0;
  /** When the last exchange ended, or the connection was accepted; the server's clock. */
  idleSince: number;
  /** With `affinity: session`, the thread that all of its exchanges go to. */
  thread: ThreadHandle | null = null;
  closed = false;

  readonly #connection: Deno.Conn;
  readonly #http: HttpConnection;
  #http2: boolean | undefined;

  constructor(
    connection: Deno.Conn,
    handler: (session: Session, ...args: Parameters<ConnectionHandler>) => ReturnType<
      ConnectionHandler
    >,
    events: SessionEvents,
    trusted: TrustedPeers,
    now: number,
  ) {
    const peer = connection.remoteAddr;
    const unix = peer.transport !== "tcp";
    this.remoteHost = unix ? "" : peer.hostname;
    this.remotePort = unix ? 0 : peer.port;
    this.trusted = unix ? trusted.unix : trusted.has(peer.hostname);
    this.scheme = "handshake" in connection ? "https" : "http";
    this.origin = unix ? "http+unix://" : `${this.scheme}://`;
    this.idleSince = now;
    this.#connection = connection;
    this.#http = serveConnection(
      connection,
      (request, info) => handler(this, request, info),
      (error) => events.onError(error),
    );
    const closed = () => {
      this.closed = true;
      events.onClosed(this);
    };
    // A connection that broke is over like one that ended: whoever waits on it is told elsewhere.
    this.#http.finished.then(closed, closed);
  }

  /** To be asked while a request is being handled, before anything is awaited; these are its fields. */
  isHttp2(fields: readonly Field[]): boolean {
    return this.#http2 ??= isHttp2(fields);
  }

  /** Closes when what is in flight is answered: at once when nothing is. */
  shutdown(): void {
    if (!this.closed) this.#http.shutdown().catch(() => {});
  }

  /** Closes now; what is in flight is cut. */
  abort(): void {
    if (this.closed) return;
    this.#http.abort();
    try {
      this.#connection.close();
    } catch {
      // Deno's HTTP owned it and has closed it.
    }
  }
}
