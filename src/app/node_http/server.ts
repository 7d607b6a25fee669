/** A server that the app has made with node:http: it listens nowhere, and gets its requests from us. */

import http, { IncomingMessage, type Server, ServerResponse } from "node:http";
import { classOf } from "../../deno/node_http.ts";
import type { AppAddr } from "../own_server.ts";
import type { Incoming, IncomingClass } from "./incoming.ts";
import type { NodeSocket } from "./socket.ts";

/** What Node's class has without telling TypeScript. */
export interface Outgoing extends ServerResponse {
  _header: string | null;
  _hasBody: boolean;
  _closed: boolean;
  _expect_continue: boolean;
  _storeHeader(firstLine: string, headers: unknown): void;
}

/** What Node's own servers do with a connection: begin to parse. */
const { _connectionListener: nodeListener } = http as typeof http & {
  _connectionListener: unknown;
};

/** A server of node:http that listens nowhere, as its exchanges and WebSockets know it. */
export class NodeServer {
  readonly server: Server;
  readonly localAddress: string | undefined;
  readonly localPort: number | undefined;
  readonly Incoming: IncomingClass;
  readonly Outgoing: new (req: Incoming) => Outgoing;

  constructor(server: Server, local: AppAddr | undefined) {
    this.server = server;
    this.localAddress = local !== undefined && "hostname" in local ? local.hostname : undefined;
    this.localPort = local !== undefined && "hostname" in local ? local.port : undefined;
    this.Incoming = classOf(server, "IncomingMessage") ?? IncomingMessage as never;
    this.Outgoing = classOf(server, "ServerResponse") ?? ServerResponse as never;
  }

  /** Tells those who track connections. */
  announce(socket: NodeSocket): void {
    if (this.server.listenerCount("connection") <= 1) return;
    for (const listener of this.server.listeners("connection")) {
      if (listener !== nodeListener) listener.call(this.server, socket);
    }
  }
}
