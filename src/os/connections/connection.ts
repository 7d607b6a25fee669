/** An accepted connection, by its file descriptor: what the kernel knows of it, and how it ends. */

import { check, libc } from "../libc.ts";
import { IPPROTO_TCP, poll, setSocketOption, SocketOption, SOL_SOCKET } from "../sockets/socket.ts";

const TCP_INFO = 11;
/** As much of struct tcp_info as is read; the kernel fills in what it has. */
const TCP_INFO_BYTES = 152;
const SHUT_RDWR = 2;

/** The same as FIONREAD. */
const SIOCINQ = 0x541bn;
/** The same as TIOCOUTQ. */
const SIOCOUTQ = 0x5411n;

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

/** Whether the other side of a connection sends nothing more, or is gone. Throws LibcError. */
export function isAtEnd(fd: number): boolean {
  const POLLRDHUP = 0x2000;
  return poll(fd, POLLRDHUP);
}
