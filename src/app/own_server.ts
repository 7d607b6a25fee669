/** The server that an app starts by itself, where it exports no handler. */

import type { Bind } from "../config/config.ts";
import type { Log } from "../log/record.ts";
import type { FetchHandler } from "./fetch_handler.ts";

/** Where a server listens, as far as denicorn can. */
export type AppAddr = Deno.NetAddr | Deno.UnixAddr;

export interface OwnServerOptions {
  /** Where denicorn listens, which is what the app is told that its own server does. */
  readonly addr?: AppAddr | undefined;
  /** Say once-only things at level info: true in one thread, or all threads would repeat them. */
  readonly announce?: boolean;
}

/**
 * The one place that `Deno.serve` and `listen()` of node:http hand their handler to, so that an app
 * that starts a server itself runs unmodified: the first to claim it is served.
 */
export class OwnServer {
  readonly addr: AppAddr | undefined;
  /** Resolves once the app has started a server. */
  readonly claimed: Promise<void>;
  /** Resolves once the app waits for its server's end: its top level will then never end. */
  readonly awaited: Promise<void>;

  readonly #log: Log;
  readonly #announce: boolean;
  readonly #resolveClaimed: () => void;
  readonly #resolveAwaited: () => void;
  #handler: FetchHandler | null = null;
  #app: unknown;
  #by = "";
  #where = "";
  #refusal: string | null = null;

  constructor(log: Log, options: OwnServerOptions = {}) {
    this.addr = options.addr;
    this.#log = log;
    this.#announce = options.announce ?? true;
    ({ promise: this.claimed, resolve: this.#resolveClaimed } = Promise.withResolvers<void>());
    ({ promise: this.awaited, resolve: this.#resolveAwaited } = Promise.withResolvers<void>());
  }

  /**
   * The app starts a server. `by` is what it called ("Deno.serve()"), `where` the address it asked
   * for, `app` its own function behind the handler. False if another one is served already: this one
   * then gets no request, unless it alone asks for denicorn's own address, as in an app that is told
   * its port (PORT) and has started a server for health checks or metrics before.
   */
  claim(handler: FetchHandler, by: string, where: string, app: unknown): boolean {
    if (this.#refusal !== null) {
      this.#log.warning(
        `The app calls ${by} for ${where}, which gets no request: ${this.#refusal}`,
      );
      return false;
    }
    if (this.#handler !== null && this.#isAnotherAddress(where, app)) {
      this.#log.debug(`The app listens on another address for ${where}, which is served already`);
      return false;
    }
    if (this.#handler !== null && this.#isServed(where)) {
      this.#log.warning(
        `The app calls ${by} for ${where}, where denicorn serves it: ` +
          `its ${this.#by} for ${this.#where} gets no request`,
      );
    } else if (this.#handler !== null) {
      this.#log.warning(
        `The app calls ${by} for ${where} while its ${this.#by} is served already: ` +
          "this second server gets no request; denicorn serves one app on all of its binds",
      );
      return false;
    }
    const first = this.#handler === null;
    this.#handler = handler;
    this.#app = app;
    this.#by = by;
    this.#where = where;
    if (first && this.#announce) {
      this.#log.info(
        `The app calls ${by} for ${where}: denicorn serves it` +
          (this.addr === undefined ? "" : ` at ${showAddr(this.addr)}`) + " instead",
      );
    }
    this.#resolveClaimed();
    return true;
  }

  /**
   * Fastify listens on 127.0.0.1 and on ::1, with two servers of the same handler: the second asks
   * for the port that the first is told. Servers that have no handler yet have none in common.
   */
  #isAnotherAddress(where: string, app: unknown): boolean {
    return where === this.#where ||
      (this.#isServed(where) && app !== undefined && app === this.#app);
  }

  /** Whether denicorn itself listens there. */
  #isServed(where: string): boolean {
    const { addr } = this;
    if (addr === undefined) return false;
    return where === ("path" in addr ? addr.path : `port ${addr.port}`);
  }

  /** The app starts a server of a kind that is not taken over: it listens by itself, beside denicorn. */
  passOver(by: string, where: string): void {
    if (!this.#announce) return;
    this.#log.warning(
      `The app calls ${by} for ${where}, which denicorn does not serve: ` +
        "use node:http (the server itself speaks HTTP/2 to clients)",
    );
  }

  /** The app has a server at the moment. */
  get isClaimed(): boolean {
    return this.#handler !== null;
  }

  /** The app closes the server that it has claimed; it may start another. */
  release(handler: FetchHandler): void {
    if (this.#handler !== handler) return;
    this.#handler = null;
    this.#log.warning(
      `The app closes its ${this.#by}: requests get 503 until it starts a server again`,
    );
  }

  /** The app waits for the end of its server. */
  await(): void {
    this.#resolveAwaited();
  }

  /** From now on a server of the app's own gets no request, for this reason. */
  refuse(reason: string): void {
    if (this.#handler !== null) {
      this.#log.warning(`The app's ${this.#by} gets no request: ${reason}`);
    }
    this.#handler = null;
    this.#refusal = reason;
  }

  /** What serves the app, whichever server it has at the moment. */
  readonly handle: FetchHandler = (request, info) =>
    this.#handler === null
      ? new Response("Service Unavailable\n", { status: 503, headers: { "retry-after": "1" } })
      : this.#handler(request, info);
}

/** What an app that asks for an address is told: the first bind that has one. */
export function servedAddr(binds: readonly Bind[]): AppAddr | undefined {
  return binds.find(({ transport }) => transport === "tcp" || transport === "unix") as
    | AppAddr
    | undefined;
}

/** An address as people write it. */
function showAddr(addr: AppAddr): string {
  if ("path" in addr) return `unix:${addr.path}`;
  const host = addr.hostname.includes(":") ? `[${addr.hostname}]` : addr.hostname;
  return `${host}:${addr.port}`;
}
