/**
 * What is left where Deno's internals are not those that src/deno knows: Deno.serve. It keeps its
 * connections to itself, so that each request comes as a session of its own, the deadlines of
 * connections do not hold, and a shutdown closes just-accepted connections unread.
 */

import { type Bind, showBind } from "../../config/bind.ts";
import { messageOf, SystemError } from "../../errors.ts";
import { LoneRequest } from "../../deno/lone_request.ts";
import type { TlsOptions } from "../edge/certificate.ts";
import type { ListeningSocket } from "./listener.ts";

/** Deno's own: in an inline app's process the app gets another one (app/deno_serve.ts). */
const { serve } = Deno;

/** One bind of Deno.serve. */
export class PublicListener implements ListeningSocket {
  readonly name: string;
  readonly #bind: Bind;
  readonly #tls: TlsOptions | null;
  readonly #reusePort: boolean;
  readonly #onConnection: (connection: Deno.Conn) => void;
  #server: Deno.HttpServer | null = null;

  constructor(
    bind: Bind,
    options: { reusePort: boolean; tls: TlsOptions | null },
    onConnection: (connection: Deno.Conn) => void,
  ) {
    this.name = showBind(bind);
    this.#bind = bind;
    this.#tls = options.tls;
    this.#reusePort = options.reusePort;
    this.#onConnection = onConnection;
  }

  get address(): Bind {
    const addr = this.#server?.addr;
    return addr?.transport === "tcp"
      ? { transport: "tcp", hostname: addr.hostname, port: addr.port }
      : this.#bind;
  }

  /** Throws SystemError. */
  run(): void {
    const handler = (request: Request, info: Deno.ServeHandlerInfo) => {
      const lone = new LoneRequest(request, info, this.address);
      // A session asks nothing else of its connection than what a lone request has.
      this.#onConnection(lone as unknown as Deno.Conn);
      return lone.response ?? new Response(null, { status: 503 });
    };
    const bind = this.#bind;
    const onListen = () => {};
    try {
      if (bind.transport === "unix") {
        this.#server = serve({ path: bind.path, onListen }, handler);
      } else if (bind.transport === "tcp") {
        const { hostname, port } = bind;
        const tls = this.#tls === null ? {} : { cert: this.#tls.cert, key: this.#tls.key };
        const reusePort = this.#reusePort;
        this.#server = serve({ hostname, port, reusePort, onListen, ...tls }, handler);
      } else {
        throw new Error("an inherited descriptor cannot be served by Deno.serve");
      }
    } catch (error) {
      const reason = messageOf(error);
      throw new SystemError(`Cannot listen on ${this.name}: ${reason}`, { cause: error });
    }
  }

  steer(): void {}

  renew(): void {
    throw new SystemError("Cannot exchange the certificate: Deno.serve cannot");
  }

  async leave(lingerMs: number): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, lingerMs));
    this.close();
  }

  close(): void {
    this.#server?.shutdown().catch(() => {});
    this.#server = null;
  }
}
