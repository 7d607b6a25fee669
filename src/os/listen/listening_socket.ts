/** A listening socket, by its file descriptor: what its connections inherit, and who waits in it. */

import { IPPROTO_TCP, poll, setSocketOption } from "../sockets/socket.ts";

const TCP_NODELAY = 1;
const TCP_NOTSENT_LOWAT = 25;

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

/** Whether somebody waits in the accept queue of a listening socket, TCP or unix. */
export function isAwaited(fd: number): boolean {
  const POLLIN = 1;
  return poll(fd, POLLIN);
}
