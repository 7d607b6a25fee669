/**
 * Writes to what may not take it for a long time, or ever (a pipe, a terminal, a socket), without
 * waiting for it: write(2) takes what there is room for, or says that there is none.
 */

import { cString, Errno, errno, libc, LibcError, libcUnavailable } from "./libc.ts";

export interface Output {
  /** How many bytes were taken; null where none can be now. Throws where none ever will be. */
  write(bytes: Uint8Array<ArrayBuffer>): number | null;
  close(): void;
}

/** fcntl.h */
const O_WRONLY = 0o1;
const O_NOCTTY = 0o400;
const O_APPEND = 0o2000;
const O_NONBLOCK = 0o4000;
const O_CLOEXEC = 0o2000000;
const SEEK_CUR = 1;
/** poll.h */
const POLLOUT = 0x0004;
/** What a pipe or socket takes without waiting where poll(2) says that it takes anything: pipe(7). */
const PIPE_BUF_BYTES = 4_096;

/**
 * The descriptor, written without waiting. Null where that can be seen to need nothing of the kind (a
 * regular file), or where there is no libc to call.
 *
 * O_NONBLOCK belongs to what all processes share that inherited the descriptor, the shell and its
 * terminal among them. So it is set on one of our own, which /proc opens; that is refused for a socket
 * (ENXIO) and for another user's pipe or terminal (EACCES, as below `su` and `sudo -u`): these are
 * asked before each write.
 */
export function instantOutput(fd: number): Output | null {
  if (libcUnavailable() !== null) return null;
  if (neverWaits(fd)) return null;
  const own = openAt(`/proc/self/fd/${fd}`);
  return own === null ? new AskedOutput(fd) : new OwnOutput(own);
}

/** The same for a file by its name, which is there; null as well where it cannot be opened so. */
export function openInstantly(path: string): Output | null {
  if (libcUnavailable() !== null) return null;
  const own = openAt(path);
  if (own === null) return null;
  const output = new OwnOutput(own);
  if (!neverWaits(own)) return output;
  output.close();
  return null;
}

/** What has a position is no pipe, socket or terminal. */
function neverWaits(fd: number): boolean {
  return libc().lseek(fd, 0n, SEEK_CUR) >= 0;
}

function openAt(path: string): number | null {
  const fd = libc().open(
    cString(path),
    O_WRONLY | O_APPEND | O_NONBLOCK | O_NOCTTY | O_CLOEXEC,
    0,
  );
  return fd < 0 ? null : fd;
}

class OwnOutput implements Output {
  readonly #fd: number;
  #closed = false;

  constructor(fd: number) {
    this.#fd = fd;
  }

  write(bytes: Uint8Array<ArrayBuffer>): number | null {
    return writeOnce(this.#fd, bytes);
  }

  close(): void {
    if (!this.#closed) libc().close(this.#fd);
    this.#closed = true;
  }
}

/**
 * The descriptor is not ours alone, so that a write waits where there is no room; poll(2) is asked before.
 * Two cases remain in which it waits: another process fills the pipe between the question and the write,
 * or a terminal of somebody else's has room for a part only.
 */
class AskedOutput implements Output {
  readonly #fd: number;

  constructor(fd: number) {
    this.#fd = fd;
  }

  write(bytes: Uint8Array<ArrayBuffer>): number | null {
    // struct pollfd: fd, events, revents.
    const pollfd = new Uint8Array(8);
    const view = new DataView(pollfd.buffer);
    view.setInt32(0, this.#fd, true);
    view.setInt16(4, POLLOUT, true);
    // Something else than room, such as a reader that has gone, is what write(2) tells.
    if (libc().poll(pollfd, 1n, 0) === 0) return null;
    return writeOnce(this.#fd, bytes.subarray(0, PIPE_BUF_BYTES));
  }

  close(): void {}
}

function writeOnce(fd: number, bytes: Uint8Array<ArrayBuffer>): number | null {
  const count = Number(libc().write(fd, bytes, BigInt(bytes.length)));
  if (count >= 0) return count;
  const why = errno();
  if (why === Errno.EAGAIN || why === Errno.EINTR) return null;
  throw new LibcError("write", why, `Cannot write to descriptor ${fd}`);
}
