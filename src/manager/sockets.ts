/**
 * The sockets that the manager holds for its procs, over all of their lives.
 *
 * With `listener: reuseport` a TCP address is only bound here, never listened on: that keeps it (and
 * finds it taken) before any proc is there, and settles port 0 and host names once for all procs.
 * Unix sockets, inherited descriptors, and TCP with `listener: shared` are listened on here; procs
 * inherit the descriptor and adopt it (src/os/adopt.ts), so that what waits in it outlives a proc.
 */

import type { Bind } from "../config/bind.ts";
import type { Config } from "../config/config.ts";
import type { Log } from "../log/record.ts";
import { closeFd } from "../os/bound_socket.ts";
import { passingOn } from "../os/inherit.ts";
import { libcUnavailable } from "../os/libc.ts";
import { removeIfSame } from "../os/unix_path.ts";
import { HANDOVER_ENV, parseHandover, writeHandover } from "./handover.ts";
import { type HeldSocket, isIPv4Twin, isShared, KeyCounter, openSocket } from "./held_socket.ts";

export class Sockets {
  readonly #log: Log;
  /** By the bind as it is configured; several binds may be to port 0. */
  #held = new Map<string, HeldSocket>();
  /** Of the configuration before, until its procs are gone. */
  #retired: HeldSocket[] = [];
  /** The manager that handed its sockets over (USR2), 0 without one. */
  readonly #predecessor: number;

  private constructor(log: Log, predecessor: number) {
    this.#log = log;
    this.#predecessor = predecessor;
  }

  /** Opens what the configuration names. Throws a SystemError that names the address. */
  static async open(config: Config, log: Log): Promise<Sockets> {
    const handover = parseHandover(Deno.env.get(HANDOVER_ENV), Deno.ppid);
    Deno.env.delete(HANDOVER_ENV);
    const sockets = new Sockets(log, handover === null ? 0 : Deno.ppid);
    try {
      await sockets.#openAll(config, handover?.fds ?? new Map(), handover !== null);
    } catch (error) {
      sockets.close();
      throw error;
    }
    return sockets;
  }

  /**
   * Opens what a new configuration names anew, and keeps what it names still. What it no longer
   * names stays open until {@linkcode Sockets.releaseRetired}. On failure nothing has changed.
   */
  async reopen(config: Config): Promise<void> {
    const before = this.#held;
    const retired = this.#retired;
    this.#held = new Map();
    this.#retired = [];
    try {
      await this.#openAll(config, new Map(), false, before);
    } catch (error) {
      for (const [key, socket] of this.#held) if (before.get(key) !== socket) release(socket);
      this.#held = before;
      this.#retired = retired;
      throw error;
    }
    const kept = new Set(this.#held.values());
    this.#retired = [...retired, ...[...before.values()].filter((socket) => !kept.has(socket))];
  }

  /** Closes what only procs of the configuration before used, once these are gone. */
  releaseRetired(): void {
    for (const socket of this.#retired) release(socket);
    this.#retired = [];
  }

  /** The configuration as procs get it: host names resolved, ports known, the rest descriptors. */
  forProcs(config: Config): Config {
    const counter = new KeyCounter();
    const translate = (bind: Bind): Bind => this.#held.get(counter.key(bind))?.forProcs ?? bind;
    return {
      ...config,
      bind: config.bind.map(translate),
      redirect_bind: config.redirect_bind.map(translate),
    };
  }

  /** Where clients reach the server, in the order of the configuration. */
  get addresses(): Bind[] {
    return [...this.#held.values()].map((socket) => socket.address);
  }

  /** Runs `start`, which starts a proc, with the shared sockets inheritable. */
  passTo<T>(start: () => T): T {
    return passingOn(this.#sharedFds(), start);
  }

  /** Runs `start`, which starts the next manager (USR2), with `env` to be added to its own. */
  handOver<T>(start: (env: Record<string, string>) => T): T {
    const fds = new Map<string, number>();
    for (const [key, { fd, shared }] of this.#held) if (shared && fd !== null) fds.set(key, fd);
    return passingOn([...fds.values()], () => start({ [HANDOVER_ENV]: writeHandover(fds) }));
  }

  /**
   * Closes all. The files of unix sockets are removed, but for those that another manager uses: the
   * one that we took them from, or (`keepFiles`) the one that we handed them to.
   */
  close({ keepFiles = false }: { keepFiles?: boolean } = {}): void {
    this.releaseRetired();
    const shared = keepFiles || (this.#predecessor !== 0 && Deno.ppid === this.#predecessor);
    for (const socket of this.#held.values()) release(socket, shared);
    this.#held.clear();
  }

  #sharedFds(): number[] {
    return [...this.#held.values(), ...this.#retired].flatMap(({ fd, shared }) =>
      shared && fd !== null ? [fd] : []
    );
  }

  async #openAll(
    config: Config,
    handedOver: ReadonlyMap<string, number>,
    beside: boolean,
    before: ReadonlyMap<string, HeldSocket> = new Map(),
  ): Promise<void> {
    const why = libcUnavailable();
    if (why !== null && config.listener === "shared") {
      this.#log.warning(`Procs do not share their sockets, as listener: shared asks: ${why}`);
    }
    const counter = new KeyCounter();
    const every = [...config.bind, ...config.redirect_bind];
    for (const bind of every) {
      const key = counter.key(bind);
      const kept = before.get(key);
      const socket = kept !== undefined && kept.shared === isShared(bind, config)
        ? kept
        // A port 0 was settled by then: another number would move the server.
        : await openSocket(kept?.address ?? bind, {
          config,
          log: this.#log,
          shared: isShared(bind, config),
          // A TCP address that was ours before, or is another manager's, is in use rightly.
          beside: beside || kept !== undefined,
          v6Only: every.some((other) => isIPv4Twin(bind, other)),
          inherited: handedOver.get(key),
        });
      this.#held.set(key, socket);
    }
  }
}

function release(socket: HeldSocket, keepFile = false): void {
  if (socket.fd !== null) closeFd(socket.fd);
  if (socket.file !== null && !keepFile) removeIfSame(socket.file);
}
