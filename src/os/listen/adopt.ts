/**
 * Serves a listening socket that somebody else made: the manager, systemd, another program. Deno has
 * no call for that, so a listener of its own is made and its descriptor exchanged under it: dup2()
 * puts the inherited socket in the place of Deno's, and epoll_ctl() registers it anew, under the
 * token that Deno's event loop (tokio, mio) knows the listener by. Everything above, accept() and
 * close(), the connections and their addresses, then works as ever.
 */

import { SystemError } from "../../errors.ts";
import { AF_UNIX, formatAddress, type SocketAddress } from "../sockets/address.ts";
import { check, libc } from "../libc.ts";
import { findListenerFd, listeningFds, openFds } from "../sockets/fd_table.ts";
import {
  getSocketAddress,
  getSocketOption,
  isListening,
  setInheritable,
  setNonBlocking,
  SocketOption,
  SOL_SOCKET,
} from "../sockets/socket.ts";

const O_CLOEXEC = 0o2000000;
const EPOLL_CTL_ADD = 1;
const EPOLL_CTL_DEL = 2;
const EPOLLIN = 0x1;
/** One waiter of those that share the socket is woken for a connection, instead of all of them. */
const EPOLLEXCLUSIVE = 1 << 28;
/** tokio reads until nothing is left, and expects to be told of what is new only. */
const EPOLLET = 1 << 31;

/** A listener on a socket that is shared with other processes. */
export interface AdoptedListener {
  /** Serves the inherited socket; its `addr` is that socket's. Closing it leaves the others' alone. */
  readonly listener: Deno.Listener;
  /** The descriptor it has now. */
  readonly fd: number;
  /**
   * Registers the socket with the event loop once more, which tells of connections that wait. The
   * process that was woken for them alone may have died or left before it took them; nobody else
   * would look until the next connection comes. To be called every {@linkcode REARM_INTERVAL_MS}.
   * It also moves this process to the end of the kernel's list of waiters, which otherwise wakes
   * the first idle one of them again and again.
   */
  rearm(): void;
  /** Takes no new connections until the next {@linkcode AdoptedListener.rearm}: they go to others. */
  pause(): void;
}

/** How often to rearm, milliseconds: the longest that a connection waits for one that died. */
export const REARM_INTERVAL_MS = 250;

/** Makes sure that the descriptor is a stream socket that listens, and says where. */
export function describeInherited(fd: number): SocketAddress {
  if (!isListening(fd)) {
    throw new SystemError(
      `Cannot listen on fd ${fd}: it is no listening stream socket of this process; ` +
        `is it passed on by whoever starts denicorn?`,
    );
  }
  const address = getSocketAddress(fd);
  if (address === null) {
    throw new SystemError(`Cannot listen on fd ${fd}: it is neither an IP nor a unix socket`);
  }
  return address;
}

/**
 * Serves the inherited socket `fd`. The descriptor itself stays open, and stays the caller's.
 *
 * @param open Makes the listener whose descriptor is exchanged; its address matters to nobody. To be
 * given for TLS, with `Deno.listenTls`.
 */
export function adoptListener(
  fd: number,
  open: () => Deno.Listener = () => openPlaceholder(fd),
): AdoptedListener {
  const addr = describeInherited(fd);
  // Another program's socket (systemd's) may block: accept() would then stop the whole event loop.
  setNonBlocking(fd);

  const before = listeningFds();
  const listener = open();
  try {
    const own = findListenerFd(listener, before);
    const { epoll, event } = findRegistration(own, addr);
    const what = `Cannot adopt the socket ${formatAddress(addr)}`;
    // Closes Deno's own socket and, with it, its registration.
    check(libc().dup3(fd, own, O_CLOEXEC), "dup3", what);
    setInheritable(own, false);
    const add = () =>
      check(libc().epoll_ctl(epoll, EPOLL_CTL_ADD, own, event), "epoll_ctl(EPOLL_CTL_ADD)", what);
    add();

    let closed = false;
    const pause = () => {
      // Fails with ENOENT where it is paused already, which is what was wanted.
      if (!closed) libc().epoll_ctl(epoll, EPOLL_CTL_DEL, own, event);
    };
    const close = listener.close.bind(listener);
    Object.defineProperties(listener, {
      addr: { value: addr },
      // Remembered, since the number may be another file's afterwards.
      close: {
        value() {
          if (closed) return;
          pause();
          closed = true;
          // At once: Deno's close() takes turns of the event loop, and whoever connects in between to
          // a socket that nobody else has is reset. Anything may stand there until then.
          libc().dup3(epoll, own, O_CLOEXEC);
          close();
        },
      },
    });
    const rearm = () => {
      pause();
      if (!closed) add();
    };
    return { listener, fd: own, rearm, pause };
  } catch (error) {
    listener.close();
    throw error;
  }
}

/** A listener of Deno's of the same kind, whose descriptor is about to be replaced. */
function openPlaceholder(fd: number): Deno.Listener {
  if (getSocketOption(fd, SOL_SOCKET, SocketOption.domain) === AF_UNIX) {
    // An abstract name: no file is left behind, and there is none whose permissions could be wrong.
    return Deno.listen({ transport: "unix", path: `\0denicorn-adopt-${crypto.randomUUID()}` });
  }
  // IPv4 serves for IPv6 as well: accept() tells the family of each connection anew.
  return Deno.listen({ hostname: "127.0.0.1", port: 0 });
}

/** In which epoll instance the descriptor is registered, and the event to register it with again. */
function findRegistration(
  fd: number,
  addr: SocketAddress,
): { epoll: number; event: Uint8Array<ArrayBuffer> } {
  for (const epoll of openFds("anon_inode:[eventpoll]")) {
    // "tfd:        9 events: 80002019 data:     7f3c5c0013c0  pos:0 ino:…", proc(5); in hexadecimal.
    for (const line of Deno.readTextFileSync(`/proc/self/fdinfo/${epoll}`).split("\n")) {
      const found = /^tfd:\s*(\d+) events:\s*[0-9a-f]+ data:\s*([0-9a-f]+)/.exec(line);
      if (found === null || Number(found[1]) !== fd) continue;
      return { epoll, event: epollEvent(BigInt(`0x${found[2]}`)) };
    }
  }
  throw new SystemError(
    `Cannot adopt the socket ${formatAddress(addr)}: Deno's event loop is not found in ` +
      `/proc/self/fdinfo; use listener: reuseport`,
  );
}

/** struct epoll_event: u32 events, u64 data; packed on x86-64 alone. */
function epollEvent(token: bigint): Uint8Array<ArrayBuffer> {
  const packed = Deno.build.arch === "x86_64";
  const bytes = new Uint8Array(packed ? 12 : 16);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, (EPOLLIN | EPOLLET | EPOLLEXCLUSIVE) >>> 0, true);
  view.setBigUint64(packed ? 4 : 8, token, true);
  return bytes;
}
