/** From a bind to a listener of Deno's. */

import { type Bind, showBind } from "../../config/bind.ts";
import type { Config } from "../../config/config.ts";
import { SystemError } from "../../errors.ts";
import type { Log } from "../../log/record.ts";
import { type AdoptedListener, adoptListener, describeInherited } from "../../os/adopt.ts";
import { bindFailure, whenFree } from "../../os/bind_failure.ts";
import { closeFd } from "../../os/bound_socket.ts";
import { libcUnavailable } from "../../os/libc.ts";
import {
  boundUnsent,
  findListenerFd,
  listeningFds,
  setBacklog,
  setInheritable,
} from "../../os/socket.ts";
import {
  claimUnixPath,
  type FileIdentity,
  identifyFile,
  unixPathOptions,
} from "../../os/unix_path.ts";
import type { TlsOptions } from "../edge/certificate.ts";

/** What the kernel holds for a client that has no room for it; more of it costs no speed. */
const MAX_UNSENT_BYTES = 256 * 1024;

/** A listener, with what can be had beside it. */
export interface OpenedListener {
  readonly listener: Deno.Listener;
  /** Its descriptor; null where it cannot be found (no FFI). */
  readonly fd: number | null;
  /** Where the socket is shared with other processes. */
  readonly adopted: AdoptedListener | null;
  /** The file to remove when it closes. */
  readonly file: FileIdentity | null;
}

export interface OpenOptions {
  /** Share the port with other procs, each with a socket of its own. */
  readonly reusePort: boolean;
  readonly config: Config;
  readonly log: Log;
  /** Null for plain HTTP. Unix sockets are always plain: Deno has no TLS there, nor has who is local need. */
  readonly tls: TlsOptions | null;
}

/** Binds and listens. Throws a SystemError that names the address. */
export async function openListener(bind: Bind, options: OpenOptions): Promise<OpenedListener> {
  try {
    switch (bind.transport) {
      case "tcp":
        return await openTcp(bind, options);
      case "unix":
        return await openUnix(bind, options);
      case "fd":
        return openInherited(bind.fd, options.tls);
      case "named": // has become descriptors before any process began to listen
        throw new SystemError(`Cannot listen on ${showBind(bind)}: systemd has passed no sockets`);
    }
  } catch (error) {
    throw error instanceof SystemError ? error : bindFailure(bind, error);
  }
}

async function openTcp(
  bind: Bind & { transport: "tcp" },
  { reusePort, config, log, tls }: OpenOptions,
): Promise<OpenedListener> {
  const { hostname, port } = bind;
  // Another listener of this process may have the same address, by SO_REUSEPORT.
  const before = libcUnavailable() === null ? listeningFds() : [];
  const address = { hostname, port, reusePort, tcpBacklog: config.backlog };
  const open = () => tls === null ? Deno.listen(address) : listenTls(address, tls);
  // A proc's address is held by its manager, who has waited for it.
  const listener = await whenFree(bind, { log, patient: !reusePort }, open);
  const fd = fdOf(listener, before);
  if (fd !== null) boundUnsent(fd, MAX_UNSENT_BYTES);
  return { listener, fd, adopted: null, file: null };
}

/** Only without a manager, who otherwise opens these and passes descriptors on. */
async function openUnix(
  { path }: Bind & { transport: "unix" },
  { config, log }: OpenOptions,
): Promise<OpenedListener> {
  const abstract = path.startsWith("@");
  const open = (path: string) => Deno.listen({ transport: "unix", path });
  const listener = abstract
    ? await whenFree(
      { transport: "unix", path },
      { log, patient: true },
      () => open(`\0${path.slice(1)}`),
    )
    : await claimUnixPath(path, unixPathOptions(config), () => open(path));
  const fd = fdOf(listener);
  if (fd !== null) setBacklog(fd, config.backlog);
  return { listener, fd, adopted: null, file: abstract ? null : identifyFile(path) };
}

function openInherited(fd: number, tls: TlsOptions | null): OpenedListener {
  const adopted = tls === null || describeInherited(fd).transport === "unix"
    ? adoptListener(fd)
    : adoptTls(fd, tls);
  // It lives on in the adopted listener, to be closed with it.
  closeFd(fd);
  if (adopted.listener.addr.transport === "tcp") boundUnsent(adopted.fd, MAX_UNSENT_BYTES);
  return { listener: adopted.listener, fd: adopted.fd, adopted, file: null };
}

/** Serves the socket with this certificate. */
export function adoptTls(fd: number, tls: TlsOptions): AdoptedListener {
  return adoptListener(fd, () => listenTls({ hostname: "127.0.0.1", port: 0 }, tls));
}

function listenTls(address: Deno.TcpListenOptions, tls: TlsOptions): Deno.Listener {
  return Deno.listenTls({ ...address, ...tls });
}

/** Keeps the app's own children from inheriting what this process inherited; to be done first. */
export function guardInherited({ bind, redirect_bind }: Config): void {
  for (const each of [...bind, ...redirect_bind]) {
    if (each.transport !== "fd") continue;
    describeInherited(each.fd);
    setInheritable(each.fd, false);
  }
}

function fdOf(listener: Deno.Listener, before: readonly number[] = []): number | null {
  return libcUnavailable() === null ? findListenerFd(listener, before) : null;
}
