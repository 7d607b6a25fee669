/** One socket that the manager holds: which kind a bind needs, and how it is opened. */

import { type Bind, overlap, showBind } from "../../config/values/bind.ts";
import type { Config } from "../../config/config.ts";
import { SystemError } from "../../errors.ts";
import type { Log } from "../../log/record.ts";
import { toBind } from "../../os/sockets/address.ts";
import { describeInherited } from "../../os/listen/adopt.ts";
import { firstUnprivilegedPort, whenFree } from "../../os/listen/bind_failure.ts";
import {
  boundPort,
  claim,
  openBound,
  openListening,
  reserve,
  startListening,
  stopListening,
} from "../../os/listen/bound_socket.ts";
import { resolveHost } from "../../os/listen/host_name.ts";
import { libcUnavailable } from "../../os/libc.ts";
import { closeFd, getSocketAddress } from "../../os/sockets/socket.ts";
import { accessOf, isNoFile, SocketFile } from "../../os/listen/socket_file.ts";
import { openUnixSocket, type UnixBind } from "../../os/listen/unix_socket.ts";
import { findIdentity } from "../../os/process/user.ts";

export interface HeldSocket {
  /** Null where it cannot be held (no FFI): procs then bind unprepared. */
  readonly fd: number | null;
  /** Procs inherit the descriptor; otherwise they bind the address themselves. */
  readonly shared: boolean;
  /** What procs are told to listen on. */
  readonly forProcs: Bind;
  /** What clients connect to. */
  readonly address: Bind;
  /** Made by somebody else, as systemd: not ours to change. */
  readonly foreign: boolean;
  /** The file of a unix socket that is ours to change and to remove. */
  readonly file: SocketFile | null;
}

export interface OpenOptions {
  readonly config: Config;
  readonly log: Log;
  readonly shared: boolean;
  /** Wait for an address in use, as at the start: the server before may be about to stop. */
  readonly patient: boolean;
  /** Another server may be on the address already: the one that this one comes to replace. */
  readonly beside: boolean;
  /** What this server has open already. */
  readonly siblings: readonly HeldSocket[];
  readonly v6Only: boolean;
  /** The descriptor that another manager handed over for this bind. */
  readonly inherited: number | undefined;
}

/** Tells binds apart, of which several may be to port 0. */
export class KeyCounter {
  readonly #seen = new Map<string, number>();

  key(bind: Bind): string {
    const shown = showBind(bind);
    const count = (this.#seen.get(shown) ?? 0) + 1;
    this.#seen.set(shown, count);
    return count === 1 ? shown : `${shown}#${count}`;
  }
}

/** Whether procs share one socket for this bind. */
export function isShared(bind: Bind, config: Config): boolean {
  if (bind.transport !== "tcp") return true;
  if (libcUnavailable() !== null) return false;
  return config.listener === "shared" || isBeyondProcs(bind.port, config);
}

/** Whether the port needs root, which procs no longer are when they bind. */
function isBeyondProcs(port: number, { user }: Config): boolean {
  if (port === 0 || user === null || Deno.uid() !== 0) return false;
  return port < firstUnprivilegedPort() && findIdentity(user, "0")?.uid !== 0;
}

/** Opens the socket of one bind. */
export async function openSocket(bind: Bind, options: OpenOptions): Promise<HeldSocket> {
  if (options.inherited !== undefined) return takeOver(bind, options.inherited, options.config);
  switch (bind.transport) {
    case "fd":
      return { ...sharing(bind.fd), address: toBind(describeInherited(bind.fd)), foreign: true };
    case "named":
      throw new Error("what is named has become descriptors before anything is opened");
    case "unix":
      return await openUnix(bind, options);
    case "tcp":
      return await openTcp(bind, options);
  }
}

/** What the manager before made: it is ours as it is, with its file. */
function takeOver(bind: Bind, fd: number, config: Config): HeldSocket {
  const socket = { ...sharing(fd), address: toBind(describeInherited(fd)) };
  if (bind.transport === "fd") return { ...socket, foreign: true };
  if (bind.transport !== "unix" || isNoFile(bind)) return socket;
  try {
    return { ...socket, file: new SocketFile(bind.path, accessOf(config)) };
  } catch (error) {
    // Removed since it was handed over: a reload makes another.
    if (error instanceof Deno.errors.NotFound) return socket;
    throw error;
  }
}

/**
 * Whether nobody can connect any more, since somebody has removed or replaced the file. The kernel
 * gives a bound socket no second file: a new one has to be bound.
 */
export function isLost({ address, foreign, file }: HeldSocket): boolean {
  return !foreign && !isNoFile(address) && !file?.isInPlace();
}

/**
 * Changes a socket that stays to what another configuration asks of it, as far as that can be.
 * Throws SystemError.
 */
export function follow({ fd, shared, foreign, file }: HeldSocket, config: Config): void {
  if (foreign) return;
  if (shared && fd !== null) startListening(fd, config.backlog);
  file?.change(accessOf(config));
}

async function openUnix(bind: UnixBind, options: OpenOptions): Promise<HeldSocket> {
  const why = libcUnavailable();
  if (why !== null) {
    throw new SystemError(
      `Cannot share ${showBind(bind)} among procs: ${why}; or use workers: 0, or a TCP address`,
    );
  }
  const { socket, file } = await openUnixSocket(bind, options, {
    bind: (path) => openBound({ transport: "unix", path }),
    listen: (fd) => startListening(fd, options.config.backlog),
    close: closeFd,
  });
  return { ...sharing(socket), address: bind, file };
}

async function openTcp(
  bind: Bind & { transport: "tcp" },
  options: OpenOptions,
): Promise<HeldSocket> {
  const { config, shared, v6Only } = options;
  const hostname = resolveHost(bind);
  const isOurs = options.siblings.some((it) => overlap(resolved(it), { ...bind, hostname }));
  const beside = options.beside || isOurs;
  const own = { shared: false, foreign: false, file: null };
  if (libcUnavailable() !== null) {
    const port = await whenFree(bind, options, () => probePort(hostname, bind.port));
    const address = { ...bind, port };
    return { ...own, fd: null, forProcs: { ...address, hostname }, address };
  }
  const uid = shared ? undefined : findIdentity(config.user, config.group)?.uid;
  const owner = uid === Deno.uid() ? undefined : uid;
  const how = { reusePort: true, owner, v6Only };
  const fd = await whenFree(bind, options, () => {
    const port = bind.port === 0 ? freePort(hostname, v6Only) : bind.port;
    const settled = { transport: "tcp", hostname, port } as const;
    // Alone at first: with SO_REUSEPORT from the start, a second server that was started by mistake
    // would silently take every other connection.
    if (shared) return (beside ? openListening : claim)(settled, config.backlog, how);
    const fd = beside ? openBound(settled, how) : claim(settled, 1, how);
    // Before it stops: there is no moment at which another could have the address.
    reserve(fd);
    if (!beside) stopListening(fd);
    return fd;
  });
  const address = { ...bind, port: boundPort(fd) };
  if (shared) return { ...sharing(fd), address };
  return { ...own, fd, forProcs: { ...address, hostname }, address };
}

/** The address of a held socket with its host name resolved. */
function resolved({ fd, shared, forProcs }: HeldSocket): Bind {
  const address = shared && fd !== null ? getSocketAddress(fd) : null;
  return address === null ? forProcs : toBind(address);
}

/** Another socket has to take it: the kernel forgets a port of its own choice with what listened. */
function freePort(hostname: string, v6Only: boolean): number {
  const fd = openBound({ transport: "tcp", hostname, port: 0 }, { v6Only });
  try {
    return boundPort(fd);
  } finally {
    closeFd(fd);
  }
}

/** A socket of ours whose descriptor procs inherit. */
function sharing(fd: number) {
  const forProcs = { transport: "fd", fd } as const;
  return { fd, shared: true, forProcs, foreign: false, file: null };
}

function probePort(hostname: string, port: number): number {
  using probe = Deno.listen({ hostname, port });
  return probe.addr.port;
}
