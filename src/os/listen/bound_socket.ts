/**
 * Sockets that are made here rather than by Deno, because Deno's are watched by the event loop from
 * the start: a manager that only holds a socket for its procs would be woken by every connection.
 * Also where Deno has no option: to bind without listening, or IPv6 alone.
 */

import {
  AF_INET,
  AF_INET6,
  AF_UNIX,
  encodeAddress,
  formatAddress,
  type SocketAddress,
} from "../sockets/address.ts";
import { check, libc } from "../libc.ts";
import {
  closeFd,
  getSocketAddress,
  setSocketOption,
  SOCK_STREAM,
  SocketOption,
  SOL_SOCKET,
} from "../sockets/socket.ts";
import { whoMay } from "../process/user.ts";

const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;
const IPPROTO_IPV6 = 41;
const IPV6_V6ONLY = 26;
/** (gid_t) -1: leave it. */
const SAME_GROUP = 0xffff_ffff;

export interface BindOptions {
  /** Others of the same user may bind the address too (TCP). */
  readonly reusePort?: boolean;
  /** Take no IPv4 connections on `::`; without it the system decides, usually for both. */
  readonly v6Only?: boolean;
  /** Whom the socket is to belong to, where that is somebody else; see {@linkcode giveSocketTo}. */
  readonly owner?: number | undefined;
}

/** Makes a socket and binds it. Nobody can connect before {@linkcode startListening}. */
export function openBound(address: SocketAddress, options: BindOptions = {}): number {
  const sockaddr = encodeAddress(address);
  const what = `Cannot listen on ${formatAddress(address)}`;
  const family = address.transport === "unix"
    ? AF_UNIX
    : address.hostname.includes(":")
    ? AF_INET6
    : AF_INET;
  const c = libc();
  const fd = check(c.socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), "socket", what);
  try {
    if (address.transport === "tcp") {
      // Otherwise connections of a server before, in TIME_WAIT, would keep the port for a minute.
      setSocketOption(fd, SOL_SOCKET, SocketOption.reuseAddress, 1);
      if (options.reusePort) setSocketOption(fd, SOL_SOCKET, SocketOption.reusePort, 1);
      if (options.v6Only) setSocketOption(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
    }
    if (options.owner !== undefined) giveSocketTo(fd, options.owner);
    check(c.bind(fd, sockaddr, sockaddr.length), "bind", what);
    return fd;
  } catch (error) {
    closeFd(fd);
    throw error;
  }
}

/**
 * Lets clients connect; they wait until somebody accepts. Done once more, also to a socket of Deno's,
 * it only changes how many may wait.
 */
export function startListening(fd: number, backlog: number): void {
  check(libc().listen(fd, backlog), "listen", `Cannot listen on socket ${fd}`);
}

/** Makes a socket that listens already. */
export function openListening(
  address: SocketAddress,
  backlog: number,
  options: BindOptions = {},
): number {
  const fd = openBound(address, options);
  try {
    startListening(fd, backlog);
    return fd;
  } catch (error) {
    closeFd(fd);
    throw error;
  }
}

/**
 * Makes a socket that listens on an address that nobody else has; sockets of the same user may join it
 * from then on. Bound alone it would keep nobody away: until somebody listens, the kernel gives an
 * address to all whose sockets have SO_REUSEADDR. Of two who begin at a time listen() takes one.
 */
export function claim(address: SocketAddress, backlog: number, options: BindOptions = {}): number {
  const fd = openListening(address, backlog, { ...options, reusePort: false });
  setSocketOption(fd, SOL_SOCKET, SocketOption.reusePort, 1);
  return fd;
}

/**
 * Has a bound socket that does not listen keep its address from all but sockets with SO_REUSEPORT of the
 * same user. Not for one that is to accept: what it leaves in TIME_WAIT would keep the port for a minute.
 */
export function reserve(fd: number): void {
  setSocketOption(fd, SOL_SOCKET, SocketOption.reuseAddress, 0);
}

/** The port that a socket bound to port 0 was given. */
export function boundPort(fd: number): number {
  const address = getSocketAddress(fd);
  return address?.transport === "tcp" ? address.port : 0;
}

/**
 * Makes a socket belong to another user: the kernel lets sockets share a port with SO_REUSEPORT only
 * if they belong to one user, and the manager's ought not to keep out those of its procs. Before it is
 * bound: after USR2 the procs of another manager have the port already.
 */
function giveSocketTo(fd: number, uid: number): void {
  const what = `Cannot give a socket to user ${uid}, who is to serve${whoMay()}`;
  check(libc().fchown(fd, uid, SAME_GROUP), "fchown", what);
}

/**
 * Stops a listening TCP socket at once, for all who share it. Deno's own close() takes effect some
 * turns of the event loop later, while connections still come in.
 */
export function stopListening(fd: number): void {
  const SHUT_RDWR = 2;
  check(libc().shutdown(fd, SHUT_RDWR), "shutdown", `Cannot stop listening on socket ${fd}`);
}
