/** All listening sockets of a proc, and the certificate of those that speak TLS. */

import type { Bind } from "../../config/values/bind.ts";
import type { Config } from "../../config/config.ts";
import { messageOf } from "../../errors.ts";
import type { Log } from "../../log/record.ts";
import type { SteeringPlan } from "../../protocol/control/control.ts";
import { CertificateFiles, type TlsOptions } from "../edge/certificate.ts";
import { probe } from "../../deno/probe.ts";
import {
  Listener,
  type ListenerOptions,
  type ListeningSocket,
  type TakeConnection,
} from "./listener.ts";
import { openListener } from "./open_listener.ts";
import type { Room } from "../room.ts";
import { PublicListener } from "./public_listener.ts";

/** How often the certificate's files are looked at (`tls_watch`), milliseconds. */
const CERTIFICATE_WATCH_MS = 5_000;

/** Who takes the connections. */
export interface ListenersEvents {
  onConnection: TakeConnection;
  /** From an address that only leads to https. */
  onPlainConnection: TakeConnection;
}

export class Listeners {
  readonly #config: Config;
  readonly #log: Log;
  readonly #room: Room;
  readonly #events: ListenersEvents;
  readonly #serving: ListeningSocket[] = [];
  readonly #redirecting: ListeningSocket[] = [];
  #certificate: CertificateFiles | null = null;
  #tls: TlsOptions | null = null;
  #watch: ReturnType<typeof setInterval> | null = null;
  #closed = false;

  constructor(config: Config, { log, room }: ListenerOptions, events: ListenersEvents) {
    this.#config = config;
    this.#log = log;
    this.#room = room;
    this.#events = events;
  }

  /** Reads the certificate: early, while whoever may read it still can. Throws SystemError. */
  prepare(): void {
    const { certfile, keyfile, http2 } = this.#config;
    if (certfile === null || keyfile === null) return;
    this.#certificate = new CertificateFiles({ certfile, keyfile, http2 });
    this.#tls = this.#certificate.read();
  }

  /** Binds and listens; who connects waits until {@linkcode Listeners.run}. Throws SystemError. */
  async open(reusePort: boolean): Promise<void> {
    const { bind, redirect_bind } = this.#config;
    const { onConnection, onPlainConnection } = this.#events;
    const isPublic = await this.#mustBePublic();
    const listenOn = async (one: Bind, tls: TlsOptions | null, take: TakeConnection) => {
      const options = { reusePort, config: this.#config, log: this.#log, tls };
      if (isPublic) return await PublicListener.open(one, options, take);
      const opened = await openListener(one, options);
      return new Listener(one, opened, { log: this.#log, room: this.#room }, take);
    };
    for (const one of bind) this.#serving.push(await listenOn(one, this.#tls, onConnection));
    for (const one of redirect_bind) {
      this.#redirecting.push(await listenOn(one, null, onPlainConnection));
    }
  }

  /** Whether there is only Deno.serve; says what this Deno lacks. */
  async #mustBePublic(): Promise<boolean> {
    const { fallback, lacks } = await probe();
    const differs = `Deno ${Deno.version.deno} is not built as denicorn knows it`;
    if (fallback !== null) {
      this.#log.warning(
        `${differs} (${fallback}): falling back on Deno.serve, without deadlines for connections ` +
          "and without a drain that loses nothing",
      );
    }
    if (lacks.length > 0) {
      this.#log.warning(
        `${differs}: without ${lacks.join(", ")} requests cost more, or WebSockets are not held ` +
          "back, pinged and dropped as they should be",
      );
    }
    return fallback !== null;
  }

  /** Accepts. */
  run(): void {
    for (const listener of this.#all()) listener.run();
    if (this.#config.tls_watch && this.#certificate !== null) {
      this.#watch = setInterval(() => {
        if (this.#certificate?.haveChanged()) this.renewCertificate();
      }, CERTIFICATE_WATCH_MS);
      Deno.unrefTimer(this.#watch as unknown as number);
    }
  }

  /** Where the app is served, as it turned out: port 0 settled, descriptors named. */
  get addresses(): Bind[] {
    return this.#serving.map((listener) => listener.address);
  }

  /** The port of https; 443 where it is served on none (a unix socket). */
  get tlsPort(): number {
    for (const { address } of this.#serving) if (address.transport === "tcp") return address.port;
    return 443;
  }

  steer(bind: string, plan: SteeringPlan): void {
    for (const listener of this.#all()) if (listener.name === bind) listener.steer(plan);
  }

  /** The app has no thread free, or has one again: see {@linkcode Listener.hold}. */
  hold(held: boolean): void {
    // The only proc: connections would wait in its socket instead, for the same threads.
    if (this.#config.workers === 1) return;
    // A redirect to https needs no thread: its addresses go on accepting.
    for (const listener of this.#serving) listener.hold(held);
  }

  async leave(lingerMs: number, last: boolean): Promise<void> {
    await Promise.all(this.#all().map((listener) => listener.leave(lingerMs, last)));
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    if (this.#watch !== null) clearInterval(this.#watch);
    for (const listener of this.#all()) listener.close();
  }

  /**
   * Reads the certificate anew, for the connections that come from now on. Those that are open, and
   * those that wait to be accepted, lose nothing. A certificate that is none leaves the old one.
   */
  renewCertificate(): void {
    if (this.#certificate === null || this.#closed) return;
    try {
      const tls = this.#certificate.read();
      for (const listener of this.#serving) listener.renew(tls);
      this.#tls = tls;
      this.#log.info("The certificate was read anew");
    } catch (error) {
      const why = messageOf(error);
      this.#log.error(`${why}; the old certificate stays in use`);
    }
  }

  #all(): ListeningSocket[] {
    return [...this.#serving, ...this.#redirecting];
  }
}
