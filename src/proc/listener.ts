/** Listening sockets and the accept loop: from a bind to accepted connections. */

import type { Bind } from "../config/config.ts";
import { SystemError } from "../errors.ts";
import type { Log } from "../log/record.ts";

/** Pause after accept() failed for lack of descriptors or memory, milliseconds. */
const ACCEPT_RETRY_MS = 50;

/** Accepts connections of one bind and hands each to `onConnection`. */
export class Listener {
  readonly #listener: Deno.Listener;
  readonly #log: Log;
  readonly #onConnection: (connection: Deno.Conn) => void;
  #closed = false;

  constructor(listener: Deno.Listener, log: Log, onConnection: (connection: Deno.Conn) => void) {
    this.#listener = listener;
    this.#log = log;
    this.#onConnection = onConnection;
  }

  get addr(): Deno.Addr {
    return this.#listener.addr;
  }

  /** Accepts until closed. Lack of descriptors is waited out: the kernel queues meanwhile. */
  async run(): Promise<void> {
    let starved = false;
    while (!this.#closed) {
      let connection: Deno.Conn;
      try {
        connection = await this.#listener.accept();
      } catch (error) {
        if (this.#closed) return;
        // A connection that was reset before it was accepted says nothing of the listener.
        if (error instanceof Deno.errors.ConnectionAborted) continue;
        if (!starved) this.#log.error(`Cannot accept connections for now: ${error}`);
        starved = true;
        await new Promise((resolve) => setTimeout(resolve, ACCEPT_RETRY_MS));
        continue;
      }
      if (starved) this.#log.info("Connections are accepted again");
      starved = false;
      this.#onConnection(connection);
    }
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#listener.close();
  }
}

/** Binds and listens. Throws SystemError that names the address. */
export function listen(bind: Bind, options: { reusePort: boolean }): Deno.Listener {
  try {
    switch (bind.transport) {
      case "tcp":
        return Deno.listen({
          hostname: bind.hostname,
          port: bind.port,
          reusePort: options.reusePort,
        });
      case "unix":
        return Deno.listen({ transport: "unix", path: bind.path });
      case "fd":
        throw new SystemError(`Cannot listen on fd://${bind.fd}: not supported yet`);
    }
  } catch (error) {
    if (error instanceof SystemError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new SystemError(`Cannot listen on ${formatBind(bind)}: ${reason}`, { cause: error });
  }
}

/** A bind as people write it: "127.0.0.1:8000", "[::1]:8000", "unix:/run/app.sock", "fd://3". */
export function formatBind(bind: Bind): string {
  switch (bind.transport) {
    case "tcp":
      return bind.hostname.includes(":")
        ? `[${bind.hostname}]:${bind.port}`
        : `${bind.hostname}:${bind.port}`;
    case "unix":
      return `unix:${bind.path}`;
    case "fd":
      return `fd://${bind.fd}`;
  }
}
