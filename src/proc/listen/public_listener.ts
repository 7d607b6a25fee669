/**
 * What is left where Deno's internals are not those that src/deno knows: Deno.serve. It keeps its
 * connections to itself, so that each request comes as a session of its own, the deadlines of
 * connections do not hold, and a shutdown closes just-accepted connections unread.
 */

import { type Bind, showBind } from "../../config/values/bind.ts";
import type { Config } from "../../config/config.ts";
import { LoneRequest } from "../../deno/lone_request.ts";
import { messageOf, SystemError } from "../../errors.ts";
import type { Log } from "../../log/record.ts";
import { whenFree } from "../../os/listen/bind_failure.ts";
import { resolveHost } from "../../os/listen/host_name.ts";
import type { SocketFile } from "../../os/listen/socket_file.ts";
import { openUnixSocket } from "../../os/listen/unix_socket.ts";
import type { TlsOptions } from "../edge/certificate.ts";
import type { ListeningSocket } from "./listener.ts";

/** Deno's own: in an inline app's process the app gets another one (app/deno_serve.ts). */
const { serve } = Deno;

interface PublicOptions {
  readonly reusePort: boolean;
  readonly config: Config;
  readonly log: Log;
  readonly tls: TlsOptions | null;
}

/** One bind of Deno.serve. */
export class PublicListener implements ListeningSocket {
  readonly name: string;
  readonly #bind: Bind;
  readonly #onConnection: (connection: Deno.Conn) => void;
  /** Deno.serve takes requests as soon as it listens; who comes so early waits. */
  readonly #runs = Promise.withResolvers<void>();
  #server: Deno.HttpServer | null = null;
  #file: SocketFile | null = null;

  private constructor(bind: Bind, onConnection: (connection: Deno.Conn) => void) {
    this.name = showBind(bind);
    this.#bind = bind;
    this.#onConnection = onConnection;
  }

  /** Binds and listens. Throws a SystemError that names the address. */
  static async open(
    bind: Bind,
    options: PublicOptions,
    onConnection: (connection: Deno.Conn) => void,
  ): Promise<PublicListener> {
    const listener = new PublicListener(bind, onConnection);
    await listener.#listen(options);
    return listener;
  }

  get address(): Bind {
    const addr = this.#server?.addr;
    return addr?.transport === "tcp"
      ? { transport: "tcp", hostname: addr.hostname, port: addr.port }
      : this.#bind;
  }

  run(): void {
    this.#runs.resolve();
  }

  async #listen(options: PublicOptions): Promise<void> {
    const { reusePort, config, log, tls } = options;
    // Where it listened before, with port 0 settled.
    const bind = this.address;
    // A proc's address is held by its manager, who has waited for it.
    const patience = { log, patient: !reusePort };
    const onListen = () => {};
    if (bind.transport === "unix") {
      const { socket, file } = await openUnixSocket(bind, { config, ...patience }, {
        bind: (path) => serve({ path, onListen }, this.#handle),
        // It does already, with a backlog of its own.
        listen() {},
        close: (server) => void server.shutdown(),
      });
      this.#server = socket;
      this.#file = file;
    } else if (bind.transport === "tcp") {
      const address = { hostname: resolveHost(bind), port: bind.port, reusePort, onListen };
      const certificate = tls === null ? {} : { cert: tls.cert, key: tls.key };
      const open = () => serve({ ...address, ...certificate }, this.#handle);
      this.#server = await whenFree(bind, patience, open);
    } else {
      throw new SystemError(
        `Cannot listen on ${this.name}: Deno.serve takes no socket that is there already; name a ` +
          "TCP address, or a unix socket with workers: 0, or take the Deno that denicorn knows",
      );
    }
    const server = this.#server;
    server.finished.then(() => {
      if (server === this.#server) return this.#listenAnew(options);
    }).catch((error) => log.error(`Cannot listen on ${this.name} again: ${messageOf(error)}`));
  }

  /** Deno.serve ends, and is told by nobody, where an inline app upgrades a request and answers otherwise. */
  #listenAnew(options: PublicOptions): Promise<void> {
    options.log.warning(`Deno.serve has ended by itself: listening on ${this.name} again`);
    return this.#listen(options);
  }

  readonly #handle = async (request: Request, info: Deno.ServeHandlerInfo) => {
    await this.#runs.promise;
    const lone = new LoneRequest(request, info, this.address);
    // A session asks nothing else of its connection than what a lone request has.
    this.#onConnection(lone as unknown as Deno.Conn);
    return lone.response ?? new Response(null, { status: 503 });
  };

  steer(): void {}

  hold(): void {}

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
    this.#file?.remove();
  }
}
