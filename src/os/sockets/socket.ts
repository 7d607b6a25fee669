/** Any socket, by its file descriptor: what can be asked and set. */

import { SystemError } from "../../errors.ts";
import { decodeAddress, SOCKADDR_BYTES, type SocketAddress } from "./address.ts";
import { check, libc } from "../libc.ts";

export const SOL_SOCKET = 1;
export const IPPROTO_TCP = 6;

/** Options of SOL_SOCKET. */
export const SocketOption = {
  reuseAddress: 2,
  type: 3,
  error: 4,
  sendBuffer: 7,
  receiveBuffer: 8,
  linger: 13,
  reusePort: 15,
  attachFilter: 26,
  acceptConnections: 30,
  protocol: 38,
  domain: 39,
  attachReuseportCbpf: 51,
  cookie: 57,
  detachReuseportBpf: 68,
} as const;

export const SOCK_STREAM = 1;

export const F_GETFD = 1;
const F_SETFD = 2;
const F_GETFL = 3;
const F_SETFL = 4;
const FD_CLOEXEC = 1n;
const O_NONBLOCK = 0o4000n;

/** Reads an option that is an int. */
export function getSocketOption(fd: number, level: number, option: number): number {
  const value = new Int32Array(1);
  const length = new Uint32Array([4]);
  check(
    libc().getsockopt(fd, level, option, value, length),
    "getsockopt",
    `Cannot read option ${option} of level ${level} of socket ${fd}`,
  );
  return value[0] ?? 0;
}

/** Sets an option that is an int. */
export function setSocketOption(fd: number, level: number, option: number, value: number): void {
  check(
    libc().setsockopt(fd, level, option, new Int32Array([value]), 4),
    "setsockopt",
    `Cannot set option ${option} of level ${level} of socket ${fd} to ${value}`,
  );
}

/** The address a socket is bound to; null where it is neither IP nor unix. */
export function getSocketAddress(fd: number): SocketAddress | null {
  const bytes = new Uint8Array(SOCKADDR_BYTES);
  const length = new Uint32Array([SOCKADDR_BYTES]);
  check(
    libc().getsockname(fd, bytes, length),
    "getsockname",
    `Cannot read the address of socket ${fd}`,
  );
  return decodeAddress(bytes, length[0] ?? 0);
}

/** Whether the descriptor is a stream socket that listens. False for anything else, never throws. */
export function isListening(fd: number): boolean {
  const value = new Int32Array(1);
  const length = new Uint32Array([4]);
  const ask = (option: number) =>
    libc().getsockopt(fd, SOL_SOCKET, option, value, length) === 0 ? value[0] : undefined;
  return ask(SocketOption.acceptConnections) === 1 && ask(SocketOption.type) === SOCK_STREAM;
}

/** Deno's address as one of ours. */
export function toSocketAddress(address: Deno.Addr): SocketAddress {
  if (address.transport === "tcp") {
    return { transport: "tcp", hostname: address.hostname, port: address.port };
  }
  if (address.transport === "unix") return { transport: "unix", path: address.path };
  throw new SystemError(`Cannot use a ${address.transport} listener: tcp or unix is needed`);
}

/** Whether children of `Deno.Command` inherit the descriptor. What Deno opens, they never do. */
export function setInheritable(fd: number, inheritable: boolean): void {
  const what = `Cannot change descriptor ${fd}`;
  const flags = BigInt(check(libc().fcntl(fd, F_GETFD, 0n), "fcntl(F_GETFD)", what));
  const wanted = inheritable ? flags & ~FD_CLOEXEC : flags | FD_CLOEXEC;
  check(libc().fcntl(fd, F_SETFD, wanted), "fcntl(F_SETFD)", what);
}

/** Whether calls on the socket wait. Deno's event loop needs sockets that do not. */
export function setNonBlocking(fd: number): void {
  const what = `Cannot change descriptor ${fd}`;
  const flags = BigInt(check(libc().fcntl(fd, F_GETFL, 0n), "fcntl(F_GETFL)", what));
  check(libc().fcntl(fd, F_SETFL, flags | O_NONBLOCK), "fcntl(F_SETFL)", what);
}

/** Whether one of these events has happened on it, or an error or a hang-up, which are always told. */
export function poll(fd: number, events: number): boolean {
  // struct pollfd: int fd; short events, revents.
  const pollfd = new Int32Array([fd, events]);
  return check(libc().poll(pollfd, 1n, 0), "poll", `Cannot look at socket ${fd}`) > 0;
}

/** Closes a descriptor that was made here; not to be used for what Deno opened. */
export function closeFd(fd: number): void {
  libc().close(fd);
}
