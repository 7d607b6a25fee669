/**
 * The sockets that the manager holds for its procs, over all of their lives.
 *
 * With `listener: reuseport` a TCP address is only kept here, and nobody accepts on it: so it is found
 * taken before any proc is there, by a second server as well, and port 0 and host names are settled once
 * for all procs.
 * Unix sockets, inherited descriptors, and TCP with `listener: shared` are listened on here; procs
 * inherit the descriptor and adopt it (src/os/listen/adopt.ts), so that what waits in it outlives a proc.
 *
 * During a reload two configurations are in use. A socket is open as long as one of them names it.
 */

import { type Bind, isIPv4Twin, showBind } from "../../config/values/bind.ts";
import type { Config } from "../../config/config.ts";
import { messageOf, SystemError } from "../../errors.ts";
import type { Log } from "../../log/record.ts";
import { closeFd } from "../../os/sockets/socket.ts";
import { type InheritedSocket, passingOn } from "../../os/listen/inherit.ts";
import { libcUnavailable } from "../../os/libc.ts";
import { accessOf, isNoFile, type SocketFile } from "../../os/listen/socket_file.ts";
import { findIdentity } from "../../os/process/user.ts";
import { HANDOVER_ENV } from "../../protocol/control/control.ts";
import { type Handover, writeHandover } from "../succession/handover.ts";
import { Predecessor } from "../succession/predecessor.ts";
import {
  follow,
  type HeldSocket,
  isLost,
  isShared,
  KeyCounter,
  openSocket,
} from "./held_socket.ts";

/** By the bind as it is configured, see KeyCounter. */
type Held = ReadonlyMap<string, HeldSocket>;

/** What was there when the manager began. */
export interface InheritedSockets {
  /** systemd's. */
  readonly activated?: readonly InheritedSocket[];
  /** From the manager before (USR2). */
  readonly handover?: Handover | null;
}

export class Sockets {
  readonly #log: Log;
  /** By the configuration that procs get, which {@linkcode Sockets.open} made. */
  readonly #held = new Map<Config, Held>();
  /** What systemd passed, by its descriptor: open to the end, whatever names it meanwhile. */
  readonly #activated: readonly InheritedSocket[];
  /** What the manager before handed over (USR2). */
  readonly #handover: Handover | null;
  /** Files that were left to the other manager at the end. */
  readonly #kept: SocketFile[] = [];
  /** The manager that started this one beside itself (USR2). */
  readonly predecessor: Predecessor;

  constructor(log: Log, { activated = [], handover = null }: InheritedSockets = {}) {
    this.#log = log;
    this.#activated = activated;
    this.#handover = handover;
    this.predecessor = new Predecessor(handover?.pid ?? 0);
  }

  /**
   * Opens what a configuration names, but for what is open already. Returns the configuration as its
   * procs get it: host names resolved, ports known, what is shared as descriptors. On failure, a
   * SystemError that names the address, nothing has changed.
   */
  async open(config: Config): Promise<Config> {
    const why = libcUnavailable();
    if (why !== null && config.listener === "shared") {
      this.#log.warning(`Procs do not share their sockets, as listener: shared asks: ${why}`);
    }
    const opened = new Map<string, HeldSocket>();
    const ours = () => [...this.#all(), ...opened.values()];
    const every = [...config.bind, ...config.redirect_bind];
    // A user or group that is none is found now, also where the socket is there already.
    if (!every.every(isNoFile)) accessOf(config);
    const keys = new KeyCounter();
    try {
      // Files last: a start that is given up while it waits for an address has then left none behind.
      for (const bind of [...every.filter(isNoFile), ...every.filter((it) => !isNoFile(it))]) {
        const key = keys.key(bind);
        const v6Only = every.some((other) => isIPv4Twin(bind, other));
        opened.set(key, await this.#openOne(key, bind, config, v6Only, ours()));
      }
    } catch (error) {
      for (const socket of opened.values()) this.#letGo(socket);
      throw error;
    }
    const forProcs = translate(config, opened, (socket) => socket.forProcs);
    this.#held.set(forProcs, opened);
    return forProcs;
  }

  /** The same configuration with the addresses that clients connect to, for people to read. */
  shown(config: Config): Config {
    const sockets = [...this.#held.get(config)?.values() ?? []];
    const toAddress = (bind: Bind) =>
      sockets.find(({ forProcs }) => forProcs === bind)?.address ?? bind;
    return {
      ...config,
      bind: config.bind.map(toAddress),
      redirect_bind: config.redirect_bind.map(toAddress),
    };
  }

  /**
   * The configuration is in force: sockets that stay take on its mode, owner and backlog. One that
   * cannot stays as it was, which is logged.
   */
  adopt(config: Config): void {
    for (const socket of this.#held.get(config)?.values() ?? []) {
      try {
        follow(socket, config);
      } catch (error) {
        this.#log.error(`${messageOf(error)}; it stays as it was`);
      }
    }
  }

  /** Closes what only this configuration names: it was given up, or its last proc is gone. */
  drop(config: Config): void {
    const held = this.#held.get(config);
    this.#held.delete(config);
    for (const socket of held?.values() ?? []) this.#letGo(socket);
  }

  /** Runs `start`, which starts a proc with this configuration, with its sockets inheritable. */
  passTo<T>(config: Config, start: () => T): T {
    return passingOn([...sharedFds(this.#held.get(config)).values()], start);
  }

  /**
   * Runs `start`, which starts the next manager (USR2), with `env` to be added to its own. A socket
   * that nobody finds any more is not worth handing over: the next one binds its own.
   */
  handOver<T>(config: Config, start: (env: Record<string, string>) => T): T {
    const held = [...this.#held.get(config) ?? []].filter(([, socket]) => !isLost(socket));
    const fds = sharedFds(new Map(held));
    const names = this.#activated.map(({ fd, name }) => [fd, name] as const);
    const handover = {
      pid: Deno.pid,
      fds: Object.fromEntries(fds),
      names: Object.fromEntries(names),
    };
    const passed = new Set([...fds.values(), ...names.map(([fd]) => fd)]);
    return passingOn([...passed], () => start({ [HANDOVER_ENV]: writeHandover(handover) }));
  }

  /**
   * Closes all. The files of unix sockets are removed, but for those that another manager uses: the
   * one that we took them from, or (`keepFiles`) the one that we handed them to.
   */
  close({ keepFiles = false }: { keepFiles?: boolean } = {}): void {
    const keep = keepFiles || this.predecessor.lives;
    const all = new Set(this.#all());
    this.#held.clear();
    for (const socket of all) {
      release(socket, keep);
      if (keep && socket.file !== null) this.#kept.push(socket.file);
    }
  }

  /**
   * Removes what `close` has left to the other manager, where that has stopped as well: both may have
   * been told at a time, and each then found the other alive. To be called when no proc is left; of the
   * two it is the later one who finds that nobody listens.
   */
  async removeDeserted(): Promise<void> {
    await Promise.all(this.#kept.map((file) => file.removeDeserted()));
  }

  async #openOne(
    key: string,
    bind: Bind,
    config: Config,
    v6Only: boolean,
    siblings: readonly HeldSocket[],
  ): Promise<HeldSocket> {
    const shared = isShared(bind, config);
    if (bind.transport === "tcp") this.#requireSameUser(key, bind, config);
    const before = [...this.#held.values()].flatMap((held) => held.get(key) ?? []);
    const same = before.find((socket) => socket.shared === shared && !isLost(socket));
    if (same !== undefined) return same;
    // A port 0 was settled by then: another number would move the server.
    const opened = await openSocket(before[0]?.address ?? bind, {
      config,
      log: this.#log,
      shared,
      patient: this.#held.size === 0,
      // A TCP address that is ours already, or the other manager's, is in use rightly.
      beside: this.predecessor.lives || before.length > 0,
      siblings,
      v6Only,
      inherited: this.#held.size === 0 ? this.#handover?.fds[key] : undefined,
    });
    if (before.some(isLost)) this.#log.warning(`${showBind(bind)} had lost its file: made anew`);
    return opened;
  }

  /** The kernel lets only sockets of one user share a port: those of the configuration before, and these. */
  #requireSameUser(key: string, bind: Bind, config: Config): void {
    for (const [before, held] of this.#held) {
      if (!held.has(key) || ownerOf(bind, before) === ownerOf(bind, config)) continue;
      const advice = isShared(bind, config) ? "" : ", or take listener: shared";
      throw new SystemError(
        `Cannot listen on ${showBind(bind)} with sockets of another user (user, group, listener) ` +
          `beside those that are to be replaced; stop the server and start it anew${advice}`,
      );
    }
  }

  /** Of all configurations; what two of them name is there twice. */
  #all(): HeldSocket[] {
    return [...this.#held.values()].flatMap((held) => [...held.values()]);
  }

  /** Closes a socket that nothing names any more; systemd's stay, for a reload that names them again. */
  #letGo(socket: HeldSocket): void {
    const isActivated = this.#activated.some(({ fd }) => fd === socket.fd);
    const isInUse = this.#all().includes(socket);
    // As in close(): the manager before goes on with its file, where this one cannot have the rest.
    if (!isInUse && !isActivated) release(socket, this.predecessor.lives);
  }
}

/** Whose the sockets of a bind are: the manager's own, or those of procs that bind it themselves. */
function ownerOf(bind: Bind, config: Config): number | null {
  const identity = isShared(bind, config) ? null : findIdentity(config.user, config.group);
  return identity?.uid ?? Deno.uid();
}

function translate(config: Config, held: Held, to: (socket: HeldSocket) => Bind): Config {
  const keys = new KeyCounter();
  const one = (bind: Bind): Bind => {
    const socket = held.get(keys.key(bind));
    return socket === undefined ? bind : to(socket);
  };
  return { ...config, bind: config.bind.map(one), redirect_bind: config.redirect_bind.map(one) };
}

function sharedFds(held: Held = new Map()): ReadonlyMap<string, number> {
  const fds = new Map<string, number>();
  for (const [key, { fd, shared }] of held) if (shared && fd !== null) fds.set(key, fd);
  return fds;
}

function release(socket: HeldSocket, keepFile = false): void {
  if (socket.fd !== null) closeFd(socket.fd);
  if (!keepFile) socket.file?.remove();
}
