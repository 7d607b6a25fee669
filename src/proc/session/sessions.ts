/** All connections of a proc, from accept to close. */

import { TrustedPeers } from "../../config/values/cidr.ts";
import type { Config } from "../../config/config.ts";
import type { Log } from "../../log/record.ts";
import { IdTable, nextId } from "../../protocol/id_table.ts";
import { Arrival, type Introduction, isTls } from "../edge/arrival.ts";
import { KernelSide } from "../edge/kernel_side.ts";
import { describePeer } from "../edge/peer.ts";
import { ProxyHeaderError } from "../edge/proxy_protocol.ts";
import { refuse } from "../edge/refusal.ts";
import { FloodWatch } from "./flood_watch.ts";
import type { Lifetimes } from "./lifetimes.ts";
import { Lingering } from "./lingering.ts";
import { Session, type SessionEvents, type SessionHandler } from "./session.ts";

const UNINTRODUCED: Introduction = { proxyHeader: null, http2: undefined };

export interface SessionsOptions {
  readonly log: Log;
  readonly lifetimes: Lifetimes;
  /** Called when a connection has gone. */
  readonly onLeft: () => void;
}

export class Sessions {
  readonly #log: Log;
  readonly #lifetimes: Lifetimes;
  readonly #onLeft: () => void;
  readonly #sessions = new IdTable<Session>();
  #lastId = 0;
  readonly #arrivals = new Set<Arrival>();
  readonly #lingering = new Lingering();
  readonly #kernel = new KernelSide();
  readonly #floods: FloodWatch;
  /** Whose forwarding fields are believed. */
  readonly #trusted: TrustedPeers;
  /** Who has to begin with a PROXY header; null where nobody has to. */
  readonly #proxies: TrustedPeers | null;
  readonly #handshakeMs: number;

  constructor(config: Config, { log, lifetimes, onLeft }: SessionsOptions) {
    this.#onLeft = onLeft;
    this.#log = log;
    this.#lifetimes = lifetimes;
    this.#floods = new FloodWatch(log, {
      cut: (session, why) => lifetimes.cut(session, why),
      retire: (session) => lifetimes.close(session),
      muted: (session) => lifetimes.muted(session),
    });
    this.#trusted = new TrustedPeers(config.forwarded_allow_ips);
    this.#proxies = config.proxy_protocol ? new TrustedPeers(config.proxy_allow_ips) : null;
    this.#handshakeMs = config.handshake_timeout * 1000;
  }

  /** Connections, with those before their first byte of HTTP. */
  get size(): number {
    return this.#sessions.size + this.#arrivals.size;
  }

  /** Those behind their last byte of HTTP. */
  get lingering(): number {
    return this.#lingering.size;
  }

  [Symbol.iterator](): Iterator<Session> {
    return this.#sessions.values()[Symbol.iterator]();
  }

  /**
   * Takes over a connection that was just accepted, whose requests go to this handler. Where a promise is
   * returned, the listener is to accept the next when it resolves.
   */
  accept(connection: Deno.Conn, handler: SessionHandler): Promise<void> | void {
    const known = this.#kernel.accepted(connection);
    const expectsProxyHeader = !isTls(connection) && this.#expectsProxyHeader(connection);
    if (isTls(connection) || expectsProxyHeader) {
      void this.#introduce(connection, expectsProxyHeader, handler);
    } else this.#open(connection, UNINTRODUCED, handler);
    return known;
  }

  /**
   * Closes, while the proc drains, all that has been idle since `since` and for `idleMs`. Over HTTP/2 a
   * client need never pause: one that goes on asking for `busyMs` is told to do so elsewhere, and gets its
   * answers. Not sooner, nor one that waits for a long answer: Node's client takes a GOAWAY for the end.
   */
  drain(since: number, { idleMs, busyMs }: { idleMs: number; busyMs: number }): void {
    const now = performance.now();
    this.#lingering.look(now);
    for (const session of this.#sessions.values()) {
      if (session.requestsBefore < 0) session.requestsBefore = session.requests;
      const goesOn = session.http2 && session.requests > session.requestsBefore;
      if (goesOn && !session.shut && now - since >= busyMs) {
        this.#lifetimes.close(session);
        // Where a body is on its way as well: over HTTP/2 Deno reads all that is in flight.
        if (!session.shut) session.shutdown();
      }
      // A response waits for its client's window. Some clients take a GOAWAY for its end: none is sent.
      if (session.inFlight > 0 || session.shut || session.held > 0) continue;
      if (now - Math.max(session.idleSince, since) < idleMs) continue;
      // On a starved machine a request may lie in the socket, unread for longer than that.
      if (!session.heardWithin(idleMs)) this.#lifetimes.end(session, now);
    }
  }

  /** How many responses are whole, and still on their way. */
  countDeliveries(): number {
    const now = performance.now();
    const sessions = this.#sessions.values();
    return sessions.filter((it) => it.inFlight === 0 && it.stuckFor(now) >= 0).length;
  }

  /** Cuts all connections. */
  abort(): void {
    for (const arrival of this.#arrivals) arrival.close();
    for (const session of this.#sessions.values()) session.abort();
    this.#lingering.abort();
  }

  /** Looks after all of them; to be called every SLOT_MS as long as there are any. */
  turn(now: number): void {
    this.#kernel.forget();
    this.#floods.look(this.#sessions, this.#lifetimes.inFlight, now);
    this.#lifetimes.turn(now);
    this.#lingering.look(now);
  }

  #expectsProxyHeader({ remoteAddr }: Deno.Conn): boolean {
    if (this.#proxies === null) return false;
    return remoteAddr.transport === "tcp"
      ? this.#proxies.has(remoteAddr.hostname)
      : this.#proxies.unix;
  }

  async #introduce(
    connection: Deno.Conn,
    expectsProxyHeader: boolean,
    handler: SessionHandler,
  ): Promise<void> {
    const arrival = new Arrival(connection, this.#kernel);
    this.#arrivals.add(arrival);
    this.#lifetimes.deadlines.set(arrival, performance.now() + this.#handshakeMs);
    try {
      const introduction = await arrival.introduce(expectsProxyHeader);
      this.#open(connection, introduction, handler);
    } catch (error) {
      // A proxy that is set up wrong is worth a warning; what strangers do to TLS is not.
      if (error instanceof ProxyHeaderError) this.#log.warning(error.message);
      else if (!arrival.overdue) {
        this.#log.debug(`A connection broke before its first request: ${error}`);
      }
      arrival.close();
      this.#kernel.closed(connection);
    } finally {
      this.#arrivals.delete(arrival);
      this.#lifetimes.deadlines.remove(arrival);
      this.#onLeft();
    }
  }

  #open(connection: Deno.Conn, introduction: Introduction, handler: SessionHandler): void {
    try {
      const peer = describePeer(connection, introduction, this.#trusted);
      const now = performance.now();
      this.#lastId = nextId(this.#lastId);
      const session = new Session(
        this.#lastId,
        connection,
        peer,
        introduction.http2,
        handler,
        this.#events,
        now,
      );
      this.#sessions.set(session.id, session);
      this.#lifetimes.opened(session, now);
    } catch (error) {
      this.#log.error(`Cannot serve an accepted connection: ${error}`);
      connection.close();
      this.#kernel.closed(connection);
    }
  }

  readonly #events: SessionEvents = {
    onClosed: (session) => {
      this.#sessions.delete(session.id);
      this.#lifetimes.deadlines.remove(session);
      const kept = session.takeKept();
      if (kept !== null) this.#lingering.add(kept, performance.now());
      this.#onLeft();
    },
    onDue: (session) => this.#lifetimes.due(session),
    kernel: this.#kernel,
    onError: (error) => {
      this.#log.debug(`A response could not be sent: ${error}`);
      return refuse(500);
    },
  };
}
