/** From a bind to a listener of Deno's. */

import { type Bind, isIPv4Twin } from "../../config/values/bind.ts";
import type { Config } from "../../config/config.ts";
import { SystemError } from "../../errors.ts";
import type { Log } from "../../log/record.ts";
import { type AdoptedListener, adoptListener, describeInherited } from "../../os/listen/adopt.ts";
import { bindFailure, whenFree } from "../../os/listen/bind_failure.ts";
import { openListening, startListening } from "../../os/listen/bound_socket.ts";
import { resolveHost } from "../../os/listen/host_name.ts";
import { libcUnavailable } from "../../os/libc.ts";
import { boundUnsent, sendAtOnce } from "../../os/listen/listening_socket.ts";
import { closeFd, setInheritable } from "../../os/sockets/socket.ts";
import { findListenerFd, listeningFds } from "../../os/sockets/fd_table.ts";
import type { SocketFile } from "../../os/listen/socket_file.ts";
import { openUnixSocket, type UnixBind } from "../../os/listen/unix_socket.ts";
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
  readonly file: SocketFile | null;
}

export interface OpenOptions {
  /** Share the port with other procs, each with a socket of its own. */
  readonly reusePort: boolean;
  readonly config: Config;
  readonly log: Log;
  /** Null for plain HTTP. Unix sockets are always plain: Deno has no TLS there. */
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
      case "named":
        throw new Error("what is named has become descriptors before anything is opened");
    }
  } catch (error) {
    throw error instanceof SystemError ? error : bindFailure(bind, error);
  }
}

async function openTcp(
  bind: Bind & { transport: "tcp" },
  { reusePort, config, log, tls }: OpenOptions,
): Promise<OpenedListener> {
  // A proc's address is held by its manager, who has resolved it and waited for it.
  const patience = { log, patient: !reusePort };
  const hostname = resolveHost(bind);
  const { port } = bind;
  const hasLibc = libcUnavailable() === null;
  if (!reusePort && hasLibc && everyBind(config).some((other) => isIPv4Twin(bind, other))) {
    // Deno has no option for IPv6 alone. (A proc needs none: both of its sockets share their port.)
    const open = () =>
      openListening({ transport: "tcp", hostname, port }, config.backlog, { v6Only: true });
    return { ...openInherited(await whenFree(bind, patience, open), tls), adopted: null };
  }
  // Another listener of this process may have the same address, by SO_REUSEPORT.
  const before = hasLibc ? listeningFds() : [];
  const address = { hostname, port, reusePort, tcpBacklog: config.backlog };
  const open = () => tls === null ? Deno.listen(address) : listenTls(address, tls);
  const listener = await whenFree(bind, patience, open);
  const fd = fdOf(listener, before);
  if (fd !== null) setUpConnections(fd);
  return { listener, fd, adopted: null, file: null };
}

/** Only in the solo process: a manager opens these itself, and passes descriptors on. */
async function openUnix(bind: UnixBind, { config, log }: OpenOptions): Promise<OpenedListener> {
  const { socket: listener, file } = await openUnixSocket(bind, { config, log, patient: true }, {
    bind: (path) => Deno.listen({ transport: "unix", path }),
    // Deno has no option for the backlog of a unix socket.
    listen(listener) {
      const fd = fdOf(listener);
      if (fd !== null) startListening(fd, config.backlog);
    },
    close: (listener) => listener.close(),
  });
  return { listener, fd: fdOf(listener), adopted: null, file };
}

function openInherited(fd: number, tls: TlsOptions | null): OpenedListener {
  const adopted = tls === null || describeInherited(fd).transport === "unix"
    ? adoptListener(fd)
    : adoptTls(fd, tls);
  // It lives on in the adopted listener, to be closed with it.
  closeFd(fd);
  if (adopted.listener.addr.transport === "tcp") setUpConnections(adopted.fd);
  return { listener: adopted.listener, fd: adopted.fd, adopted, file: null };
}

/** What the connections of a listening socket inherit. */
function setUpConnections(fd: number): void {
  boundUnsent(fd, MAX_UNSENT_BYTES);
  sendAtOnce(fd);
}

/** Serves the socket with this certificate. */
export function adoptTls(fd: number, tls: TlsOptions): AdoptedListener {
  return adoptListener(fd, () => listenTls({ hostname: "127.0.0.1", port: 0 }, tls));
}

function listenTls(address: Deno.TcpListenOptions, tls: TlsOptions): Deno.Listener {
  return Deno.listenTls({ ...address, ...tls });
}

/** Keeps the app's own children from inheriting what this process inherited; to be done first. */
export function guardInherited(config: Config): void {
  for (const each of everyBind(config)) {
    if (each.transport !== "fd") continue;
    describeInherited(each.fd);
    setInheritable(each.fd, false);
  }
}

function everyBind({ bind, redirect_bind }: Config): readonly Bind[] {
  return [...bind, ...redirect_bind];
}

function fdOf(listener: Deno.Listener, before: readonly number[] = []): number | null {
  return libcUnavailable() === null ? findListenerFd(listener, before) : null;
}
