/** One socket that the manager holds: which kind a bind needs, and how it is opened. */

import { type Bind, showBind } from "../config/bind.ts";
import type { Config } from "../config/config.ts";
import { SystemError } from "../errors.ts";
import type { Log } from "../log/record.ts";
import { toBind } from "../os/address.ts";
import { bindFailure, firstUnprivilegedPort, whenFree } from "../os/bind_failure.ts";
import { describeInherited } from "../os/adopt.ts";
import {
  type BindOptions,
  boundPort,
  closeFd,
  openBound,
  startListening,
} from "../os/bound_socket.ts";
import { libcUnavailable } from "../os/libc.ts";
import {
  claimUnixPath,
  type FileIdentity,
  identifyFile,
  unixPathOptions,
} from "../os/unix_path.ts";
import { findIdentity } from "../os/user.ts";

export interface HeldSocket {
  /** Null where it cannot be held (no FFI): procs then bind unprepared. */
  readonly fd: number | null;
  /** Procs inherit the descriptor; otherwise they bind the address themselves. */
  readonly shared: boolean;
  /** What procs are told to listen on. */
  readonly forProcs: Bind;
  /** What clients connect to. */
  readonly address: Bind;
  /** The file of a unix socket that is ours to remove. */
  readonly file: FileIdentity | null;
}

export interface OpenOptions {
  readonly config: Config;
  readonly log: Log;
  readonly shared: boolean;
  /** Wait for an address in use, as at the start: the server before may be about to stop. */
  readonly patient: boolean;
  /** Another server may be on the address already: the one that this one comes to replace. */
  readonly beside: boolean;
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

/** Whether `bind` is `[::]` beside a `0.0.0.0` of the same port, which would each take IPv4. */
export function isIPv4Twin(bind: Bind, other: Bind): boolean {
  return bind.transport === "tcp" && other.transport === "tcp" && bind.hostname === "::" &&
    other.hostname === "0.0.0.0" && bind.port === other.port && bind.port !== 0;
}

/** Opens the socket of one bind. */
export async function openSocket(bind: Bind, options: OpenOptions): Promise<HeldSocket> {
  if (options.inherited !== undefined) return takeOver(bind, options.inherited, false);
  switch (bind.transport) {
    case "fd":
      return takeOver(bind, bind.fd, true);
    case "named": // has become descriptors before anything was opened
      throw new SystemError(`Cannot listen on ${showBind(bind)}: systemd has passed no sockets`);
    case "unix":
      return await openUnix(bind, options);
    case "tcp":
      return await openTcp(bind, options);
  }
}

/** A descriptor of somebody else's. What the manager before made, with its file, is now ours. */
function takeOver(bind: Bind, fd: number, foreign: boolean): HeldSocket {
  const found = describeInherited(fd);
  const file = !foreign && bind.transport === "unix" && !bind.path.startsWith("@")
    ? identifyFile(bind.path)
    : null;
  return {
    fd,
    shared: true,
    forProcs: { transport: "fd", fd },
    address: toBind(found),
    file,
  };
}

async function openUnix(
  bind: Bind & { transport: "unix" },
  options: OpenOptions,
): Promise<HeldSocket> {
  const why = libcUnavailable();
  if (why !== null) {
    throw new SystemError(
      `Cannot share ${showBind(bind)} among procs: ${why}; or use workers: 0, or a TCP address`,
    );
  }
  const abstract = bind.path.startsWith("@");
  const path = abstract ? `\0${bind.path.slice(1)}` : bind.path;
  const open = () => openBound({ transport: "unix", path });
  const fd = abstract
    ? await whenFree(bind, options, open)
    : await claimUnixPath(path, unixPathOptions(options.config), open);
  startListening(fd, options.config.backlog);
  const file = abstract ? null : identifyFile(path);
  return { fd, shared: true, forProcs: { transport: "fd", fd }, address: bind, file };
}

async function openTcp(
  bind: Bind & { transport: "tcp" },
  options: OpenOptions,
): Promise<HeldSocket> {
  const { config, shared, beside, v6Only } = options;
  const hostname = resolveHost(bind);
  if (libcUnavailable() !== null) {
    const port = await whenFree(bind, options, () => probePort(hostname, bind.port));
    const address = { ...bind, port };
    return { fd: null, shared: false, forProcs: { ...address, hostname }, address, file: null };
  }
  const open = (port: number, options: BindOptions) =>
    openBound({ transport: "tcp", hostname, port }, { ...options, v6Only });
  let { port } = bind;
  if (!beside) {
    // Exclusively at first: with SO_REUSEPORT alone, a second server that was started by mistake
    // would silently take every other connection.
    const fd = await whenFree(bind, options, () => open(bind.port, {}));
    port = boundPort(fd);
    closeFd(fd);
  }
  const uid = shared ? undefined : findIdentity(config.user, config.group)?.uid;
  const owner = uid === Deno.uid() ? undefined : uid;
  const fd = await whenFree(bind, options, () => open(port, { reusePort: true, owner }));
  const address = { ...bind, port: boundPort(fd) };
  if (shared) {
    startListening(fd, config.backlog);
    return { fd, shared, forProcs: { transport: "fd", fd }, address, file: null };
  }
  return { fd, shared, forProcs: { ...address, hostname }, address, file: null };
}

/** The address of a host name, found by the resolver that Deno itself listens with. */
function resolveHost(bind: Bind & { transport: "tcp" }): string {
  if (/^[\d.]+$|:/.test(bind.hostname)) return bind.hostname;
  try {
    using probe = Deno.listen({ hostname: bind.hostname, port: 0 });
    return probe.addr.hostname;
  } catch (error) {
    throw bindFailure(bind, error);
  }
}

function probePort(hostname: string, port: number): number {
  using probe = Deno.listen({ hostname, port });
  return probe.addr.port;
}
