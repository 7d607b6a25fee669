/** A listening socket and its accept loop, to the moment when it closes without losing anybody. */

import { type Bind, showBind } from "../../config/values/bind.ts";
import { SystemError } from "../../errors.ts";
import type { Log } from "../../log/record.ts";
import { toBind } from "../../os/sockets/address.ts";
import { REARM_INTERVAL_MS } from "../../os/listen/adopt.ts";
import { stopListening } from "../../os/listen/bound_socket.ts";
import { isAwaited } from "../../os/listen/listening_socket.ts";
import { toSocketAddress } from "../../os/sockets/socket.ts";
import { steer } from "../../os/listen/steering.ts";
import type { SteeringPlan } from "../../protocol/control/control.ts";
import type { TlsOptions } from "../edge/certificate.ts";
import type { Room } from "../room.ts";
import { sleep } from "../sleep.ts";
import { adoptTls, type OpenedListener } from "./open_listener.ts";

/** How often a held listener looks whether anybody else takes who waits, milliseconds. */
const HELD_POLL_MS = 100;
/** After so many looks at which somebody waited, nobody else does. */
const MAX_HELD_LOOKS = 10;
/** Pause after accept() failed for lack of descriptors or memory, milliseconds. */
const ACCEPT_RETRY_MS = 50;
/** How often a leaving listener looks for a moment when nobody waits, milliseconds. */
const QUIET_POLL_MS = 2;
/** It is closed all the same when there was none for so long, milliseconds. */
const MAX_QUIET_WAIT_MS = 1_000;

/** A bind that is listened on. */
export interface ListeningSocket {
  /** The bind as it was asked for. */
  readonly name: string;
  /** Where it is, as it turned out. */
  readonly address: Bind;
  /** Accepts until closed. */
  run(): void | Promise<void>;
  steer(plan: SteeringPlan): void;
  renew(tls: TlsOptions): void;
  hold(held: boolean): void;
  leave(lingerMs: number, last: boolean): Promise<void>;
  close(): void;
}

export interface ListenerOptions {
  readonly log: Log;
  readonly room: Room;
}

/** Takes over a connection; the next is accepted when the promise resolves, if there is one. */
export type TakeConnection = (connection: Deno.Conn) => Promise<void> | void;

/** Accepts connections of one bind and hands each to `onConnection`. */
export class Listener implements ListeningSocket {
  /** The bind as it was asked for. */
  readonly name: string;
  /** `%eth0`, of a link-local address. */
  readonly #zone: string;
  #opened: OpenedListener;
  readonly #log: Log;
  readonly #onConnection: TakeConnection;
  readonly #rearming: ReturnType<typeof setInterval> | null;
  readonly #room: Room;
  readonly #left = Promise.withResolvers<void>();
  #leaving = false;
  #full = false;
  /** Set while it accepts nobody, since others can begin sooner what comes. */
  #held: Held | null = null;
  #closed = false;

  constructor(
    bind: Bind,
    opened: OpenedListener,
    { log, room }: ListenerOptions,
    onConnection: TakeConnection,
  ) {
    this.name = showBind(bind);
    this.#zone = bind.transport === "tcp" ? /%.*/.exec(bind.hostname)?.[0] ?? "" : "";
    this.#opened = opened;
    this.#log = log;
    this.#room = room;
    this.#onConnection = onConnection;
    this.#rearming = opened.adopted === null
      ? null
      : setInterval(() => this.#rearm(), REARM_INTERVAL_MS);
  }

  get addr(): Deno.Addr {
    return this.#opened.listener.addr;
  }

  /** The same as a bind, for people to read; with its zone, which Deno does not tell. */
  get address(): Bind {
    const address = toBind(toSocketAddress(this.addr));
    if (address.transport !== "tcp") return address;
    return { ...address, hostname: `${address.hostname}${this.#zone}` };
  }

  /** Accepts until closed. Lack of descriptors is waited out: the kernel queues meanwhile. */
  async run(): Promise<void> {
    let starved = false;
    while (!this.#closed) {
      if (this.#room.isFull && !this.#leaving) {
        await this.#waitForRoom();
        continue;
      }
      if (this.#held !== null) {
        await Promise.race([this.#held.over.promise, this.#left.promise]);
        continue;
      }
      const { listener } = this.#opened;
      let connection: Deno.Conn;
      try {
        connection = await listener.accept();
      } catch (error) {
        if (this.#closed) return;
        // It was renewed: another one accepts from the same socket.
        if (listener !== this.#opened.listener) continue;
        if (wasReset(error)) continue;
        if (!starved) this.#log.error(`Cannot accept connections for now: ${error}`);
        starved = true;
        await sleep(ACCEPT_RETRY_MS);
        continue;
      }
      if (starved) this.#log.info("Connections are accepted again");
      starved = false;
      const taken = this.#onConnection(connection);
      if (taken !== undefined) await taken;
    }
  }

  /** What is shared goes to procs that have room; what is not waits in the queue meanwhile. */
  async #waitForRoom(): Promise<void> {
    this.#full = true;
    this.#opened.adopted?.pause();
    await Promise.race([this.#room.free(), this.#left.promise]);
    this.#full = false;
    this.#rearm();
  }

  #rearm(): void {
    if (!this.#full && this.#held === null) this.#opened.adopted?.rearm();
  }

  /**
   * Leaves those who come to a shared socket to other procs (`held`), or accepts again. Where nobody
   * takes them, all are held up alike, and they may as well wait here, where they have their deadlines.
   */
  hold(held: boolean): void {
    const { fd, adopted } = this.#opened;
    if (held === (this.#held !== null) || this.#closed || this.#leaving) return;
    if (!held) {
      const { over, poll } = this.#held!;
      clearInterval(poll);
      this.#held = null;
      over.resolve();
      return this.#rearm();
    }
    if (adopted === null || fd === null) return;
    adopted.pause();
    let looks = 0;
    const poll = setInterval(() => {
      looks = isAwaited(this.#opened.fd!) ? looks + 1 : 0;
      if (looks === MAX_HELD_LOOKS) this.hold(false);
    }, HELD_POLL_MS);
    this.#held = { over: Promise.withResolvers(), poll };
  }

  /**
   * Whether new connections go by {@linkcode Listener.steer}: only where each proc has a socket of
   * its own.
   */
  get isSteerable(): boolean {
    const { addr } = this;
    return addr.transport === "tcp" && this.#opened.fd !== null && this.#opened.adopted === null;
  }

  /** Steers the new connections of the socket's SO_REUSEPORT group. Throws LibcError. */
  steer(plan: SteeringPlan): void {
    if (this.isSteerable && this.#opened.fd !== null) steer(this.#opened.fd, plan);
  }

  /**
   * Speaks TLS with another certificate from now on. The socket stays the same, with all who wait in
   * it: a new listener of Deno's takes it over. Throws SystemError.
   */
  renew(tls: TlsOptions): void {
    const { listener, fd, adopted } = this.#opened;
    if (this.#closed || this.addr.transport !== "tcp") return;
    if (fd === null) {
      throw new SystemError("Cannot exchange the certificate: only Linux with FFI can");
    }
    const renewed = adoptTls(fd, tls);
    this.#opened = {
      ...this.#opened,
      listener: renewed.listener,
      fd: renewed.fd,
      adopted: adopted === null ? null : renewed,
    };
    // As paused as the old one was.
    if (this.#held !== null) renewed.pause();
    listener.close();
  }

  /**
   * Closes at a moment when nobody waits to be accepted: whoever is in the queue then is lost. It
   * accepts for `lingerMs` more at least, for those whose handshake was under way.
   *
   * @param last Nobody else serves a shared socket any more; otherwise it is just left to them.
   */
  async leave(lingerMs: number, last: boolean): Promise<void> {
    const { fd, adopted } = this.#opened;
    if (adopted !== null && !last) return this.close();
    // Connections that wait for room or for a thread must not be lost when this socket closes.
    this.hold(false);
    this.#leaving = true;
    this.#left.resolve();
    await sleep(lingerMs);
    if (fd !== null) await this.#quiet(fd, performance.now() + MAX_QUIET_WAIT_MS);
    if (this.#closed) return;
    // In the same breath as the look at the queue: Deno's close() takes turns of the event loop,
    // each long enough for somebody to connect. What is shared is not ours to stop.
    if (fd !== null && adopted === null && this.addr.transport === "tcp") stopListening(fd);
    this.close();
  }

  /** Waits until the queue is empty, or the deadline. */
  async #quiet(fd: number, deadline: number): Promise<void> {
    while (!this.#closed && isAwaited(fd) && performance.now() < deadline) {
      this.#rearm();
      await sleep(QUIET_POLL_MS);
    }
  }

  close(): void {
    if (this.#closed) return;
    this.hold(false);
    this.#closed = true;
    this.#left.resolve();
    if (this.#rearming !== null) clearInterval(this.#rearming);
    this.#opened.listener.close();
    this.#opened.file?.remove();
  }
}

interface Held {
  readonly over: PromiseWithResolvers<void>;
  readonly poll: ReturnType<typeof setInterval>;
}

/**
 * A connection that was reset before it was accepted says nothing of the listener, and a pause after
 * each would let a client that does it at will keep all others out. Linux hands such a one over:
 * Deno then finds that it has no peer.
 */
function wasReset(error: unknown): boolean {
  const { ConnectionAborted, NotConnected } = Deno.errors;
  return error instanceof ConnectionAborted || error instanceof NotConnected;
}
