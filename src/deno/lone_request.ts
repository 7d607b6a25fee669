/**
 * A request of Deno.serve where the server would have a connection. With Deno's internals unknown there
 * is no more to be had: each request is a session of its own.
 */

import type { Bind } from "../config/values/bind.ts";
import type { ConnectionHandler, HttpConnection } from "./http_connection.ts";

/** One request of Deno.serve, in the place of the connection that it came by. */
export class LoneRequest {
  readonly remoteAddr: Deno.Addr;
  /** The listener's: Deno.serve does not tell the connection's. */
  readonly localAddr: Bind;
  readonly #request: Request;
  readonly #info: Deno.ServeHandlerInfo;
  /** What its handler answers. */
  response: Response | Promise<Response> | null = null;

  constructor(request: Request, info: Deno.ServeHandlerInfo, localAddr: Bind) {
    this.localAddr = localAddr;
    this.#request = request;
    this.#info = info;
    this.remoteAddr = info.remoteAddr;
  }

  /** As serveConnection() of http.ts. */
  serve(handler: ConnectionHandler, onError: (error: unknown) => Response): HttpConnection {
    // Deferred: the session that asks for this is not constructed yet.
    this.response = Promise.resolve()
      .then(() => handler(this.#request, this.#info))
      .catch(onError);
    return {
      finished: this.#info.completed,
      shutdown: () => Promise.resolve(),
      abort() {},
    };
  }

  close(): void {}
}
