/** Sockets by their file descriptor: find them, ask them, set them. */

import { SystemError } from "../../errors.ts";
import {
  decodeAddress,
  formatAddress,
  isSameAddress,
  SOCKADDR_BYTES,
  type SocketAddress,
} from "./address.ts";
import { check, libc } from "../libc.ts";
import { readProcSelf } from "../process/proc_file.ts";

export const SOL_SOCKET = 1;
const IPPROTO_TCP = 6;

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

const TCP_NODELAY = 1;
const TCP_INFO = 11;
const TCP_NOTSENT_LOWAT = 25;
/** As much of struct tcp_info as is read; the kernel fills in what it has. */
const TCP_INFO_BYTES = 152;
export const SOCK_STREAM = 1;
const SHUT_RDWR = 2;

/** The same as FIONREAD. */
const SIOCINQ = 0x541bn;
/** The same as TIOCOUTQ. */
const SIOCOUTQ = 0x5411n;

const F_GETFD = 1;
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

/** This process's descriptors that listen, in rising order. */
export function listeningFds(): number[] {
  return Array.from({ length: descriptorTableSize() }, (_, fd) => fd).filter(isListening);
}

/** No descriptor is larger, proc_pid_status(5). */
export function descriptorTableSize(): number {
  return Number(/^FDSize:\s*([0-9]+)/m.exec(readProcSelf("status") ?? "")?.[1] ?? 1024);
}

/** Whether the number is an open file's. Never throws. */
export function isInUse(fd: number): boolean {
  return libc().fcntl(fd, F_GETFD, 0n) !== -1;
}

/** This process's descriptors whose target in /proc begins with `prefix`, in rising order. */
export function openFds(prefix: string): number[] {
  const fds: number[] = [];
  for (const { name } of Deno.readDirSync("/proc/self/fd")) {
    try {
      if (Deno.readLinkSync(`/proc/self/fd/${name}`).startsWith(prefix)) fds.push(Number(name));
    } catch {
      // Closed since, by another thread or by the end of the listing itself.
    }
  }
  return fds.sort((a, b) => a - b);
}

/**
 * The descriptor of a `Deno.Listener`, which Deno does not tell.
 *
 * @param except Descriptors that it is not: what {@linkcode listeningFds} gave before it was made,
 * for the rare process that has two listeners at one address (SO_REUSEPORT).
 */
export function findListenerFd(listener: Deno.Listener, except: readonly number[] = []): number {
  const wanted = toSocketAddress(listener.addr);
  for (const fd of listeningFds()) {
    if (except.includes(fd)) continue;
    const address = getSocketAddress(fd);
    if (address !== null && isSameAddress(address, wanted)) return fd;
  }
  throw new SystemError(
    `Cannot find the descriptor of the listener at ${formatAddress(wanted)} in /proc/self/fd`,
  );
}

/** Deno's address as one of ours. */
export function toSocketAddress(address: Deno.Addr): SocketAddress {
  if (address.transport === "tcp") {
    return { transport: "tcp", hostname: address.hostname, port: address.port };
  }
  if (address.transport === "unix") return { transport: "unix", path: address.path };
  throw new SystemError(`Cannot use a ${address.transport} listener: tcp or unix is needed`);
}

/**
 * Bounds what the kernel takes for each connection of this listening socket before the client has
 * room for it: connections inherit the option. Left alone it takes some 2 MB, so that clients that
 * do not read fill its memory, and their deadline only begins to run when it is full. tcp(7)
 */
export function boundUnsent(fd: number, bytes: number): void {
  setSocketOption(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, bytes);
}

/**
 * Has each connection of this listening socket send at once what is written, and not wait for the client
 * to acknowledge what it has (Nagle): Deno asks for that where there is no TLS, and with TLS the last bytes
 * of a response came 40 ms late. Connections inherit the option. tcp(7)
 */
export function sendAtOnce(fd: number): void {
  setSocketOption(fd, IPPROTO_TCP, TCP_NODELAY, 1);
}

/** Bounds what waits in a connection until it is read; the kernel doubles the number. socket(7) */
export function boundUnread(fd: number, bytes: number): void {
  setSocketOption(fd, SOL_SOCKET, SocketOption.receiveBuffer, bytes);
}

/** Bytes that came on a connection and were not read yet. Throws LibcError. tcp(7), SIOCINQ */
export function unreadBytes(fd: number): number {
  const value = new Int32Array(1);
  check(libc().ioctl(fd, SIOCINQ, value), "ioctl(SIOCINQ)", `Cannot ask socket ${fd}`);
  return value[0] ?? 0;
}

/**
 * What the other side of a unix connection has not read: bytes of memory, those of the bookkeeping
 * among them, and by the pieces that were written. Throws LibcError. unix(7), SIOCOUTQ
 */
export function unreadByPeer(fd: number): number {
  const value = new Int32Array(1);
  check(libc().ioctl(fd, SIOCOUTQ, value), "ioctl(SIOCOUTQ)", `Cannot ask socket ${fd}`);
  return value[0] ?? 0;
}

/** What the kernel knows of a TCP connection, as far as it is asked here. Times are microseconds where nothing else is said. */
export interface TcpInfo {
  /** Segments sent and not yet acknowledged. Of a listener: connections in the accept queue. */
  readonly unacked: number;
  /** Of a listener: the backlog. */
  readonly sacked: number;
  readonly rtt: number;
  /** Bytes of the largest segment that the other side was told to send. */
  readonly advmss: number;
  /** Milliseconds since the last bytes went. */
  readonly last_data_sent: number;
  /** Milliseconds since the last bytes came. */
  readonly last_data_recv: number;
  /** Bytes that the other side has acknowledged; 0 before Linux 4.1. */
  readonly bytes_acked: number;
  /** Bytes that came, in order; 0 before Linux 4.1. */
  readonly bytes_received: number;
  /** Bytes that wait in the socket because the other side takes no more. */
  readonly notsent_bytes: number;
}

/** TCP_INFO of a connection or of a listener. */
export function getTcpInfo(fd: number): TcpInfo {
  const bytes = new Uint8Array(TCP_INFO_BYTES);
  const length = new Uint32Array([bytes.length]);
  check(
    libc().getsockopt(fd, IPPROTO_TCP, TCP_INFO, bytes, length),
    "getsockopt(TCP_INFO)",
    `Cannot read the state of socket ${fd}`,
  );
  // struct tcp_info: eight bytes of small fields, then u32 after u32.
  const view = new DataView(bytes.buffer);
  return {
    unacked: view.getUint32(24, true),
    sacked: view.getUint32(28, true),
    rtt: view.getUint32(68, true),
    advmss: view.getUint32(84, true),
    last_data_sent: view.getUint32(44, true),
    last_data_recv: view.getUint32(52, true),
    bytes_acked: Number(view.getBigUint64(120, true)),
    bytes_received: Number(view.getBigUint64(128, true)),
    notsent_bytes: view.getUint32(144, true),
  };
}

/**
 * Lets the close of a connection throw away what waits to be sent, and tell the other side at once
 * (RST). A close without it leaves both to the kernel, which goes on trying for minutes.
 */
export function setAbortiveClose(fd: number): void {
  // struct linger: on, for 0 seconds.
  const linger = new Int32Array([1, 0]);
  // A connection that the client has closed meanwhile needs it no more.
  libc().setsockopt(fd, SOL_SOCKET, SocketOption.linger, linger, linger.byteLength);
}

/** Ends a connection both ways: whoever reads from it or writes to it learns so at once. */
export function cutConnection(fd: number): void {
  // Fails where the connection is over already, which is what was wanted.
  libc().shutdown(fd, SHUT_RDWR);
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

/** Whether the other side of a connection sends nothing more, or is gone. Throws LibcError. */
export function isAtEnd(fd: number): boolean {
  const POLLRDHUP = 0x2000;
  return poll(fd, POLLRDHUP);
}

/** Whether somebody waits in the accept queue of a listening socket, TCP or unix. */
export function isAwaited(fd: number): boolean {
  const POLLIN = 1;
  return poll(fd, POLLIN);
}

/** Whether one of these events has happened, or an error or a hang-up, which are always told. */
function poll(fd: number, events: number): boolean {
  // struct pollfd: int fd; short events, revents.
  const pollfd = new Int32Array([fd, events]);
  return check(libc().poll(pollfd, 1n, 0), "poll", `Cannot look at socket ${fd}`) > 0;
}

/** Closes a descriptor that was made here; not to be used for what Deno opened. */
export function closeFd(fd: number): void {
  libc().close(fd);
}
