/**
 * libc through FFI: the table of calls, errno, and the one reason why there may be none.
 *
 * It is opened at the first use, so that a program that needs nothing of it needs no FFI permission.
 * Constants all over src/os are Linux's, equal on x86-64 and aarch64, the two that Deno runs on.
 */

import { messageOf, SystemError } from "../errors.ts";

/** glibc's name first; musl's where there is no glibc (or gcompat) to be found. */
const LIBRARIES = ["libc.so.6", "libc.so"] as const;

// Pointers that are only passed on are "usize": no object is made for them. Variadic functions
// (prctl) are declared with all their arguments, as integers: the calling conventions of x86-64 and
// aarch64 Linux pass these in the same registers either way.
const SYMBOLS = {
  __errno_location: { parameters: [], result: "pointer" },
  strerror: { parameters: ["i32"], result: "pointer" },
  prctl: { parameters: ["i32", "usize", "usize", "usize", "usize"], result: "i32" },
  // The same function with a name to set, as a buffer, which thus cannot be collected meanwhile.
  prctl_string: {
    name: "prctl",
    parameters: ["i32", "buffer", "usize", "usize", "usize"],
    result: "i32",
  },
  waitid: { parameters: ["i32", "u32", "buffer", "i32"], result: "i32" },
  waitpid: { parameters: ["i32", "buffer", "i32"], result: "i32" },
  setuid: { parameters: ["u32"], result: "i32" },
  setgid: { parameters: ["u32"], result: "i32" },
  initgroups: { parameters: ["buffer", "u32"], result: "i32" },
  setgroups: { parameters: ["usize", "buffer"], result: "i32" },
  getpwnam: { parameters: ["buffer"], result: "pointer" },
  getpwuid: { parameters: ["u32"], result: "pointer" },
  getgrnam: { parameters: ["buffer"], result: "pointer" },
  listen: { parameters: ["i32", "i32"], result: "i32" },
  socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
  bind: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  getsockname: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  getpeername: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  getsockopt: { parameters: ["i32", "i32", "i32", "buffer", "buffer"], result: "i32" },
  setsockopt: { parameters: ["i32", "i32", "i32", "buffer", "u32"], result: "i32" },
  sendto: {
    parameters: ["i32", "buffer", "usize", "i32", "buffer", "u32"],
    result: "isize",
  },
  poll: { parameters: ["buffer", "usize", "i32"], result: "i32" },
  fcntl: { parameters: ["i32", "i32", "usize"], result: "i32" },
  ioctl: { parameters: ["i32", "usize", "buffer"], result: "i32" },
  dup3: { parameters: ["i32", "i32", "i32"], result: "i32" },
  memfd_create: { parameters: ["buffer", "u32"], result: "i32" },
  open: { parameters: ["buffer", "i32", "i32"], result: "i32" },
  pipe2: { parameters: ["buffer", "i32"], result: "i32" },
  read: { parameters: ["i32", "buffer", "usize"], result: "isize" },
  write: { parameters: ["i32", "buffer", "usize"], result: "isize" },
  lseek: { parameters: ["i32", "i64", "i32"], result: "i64" },
  execv: { parameters: ["buffer", "buffer"], result: "i32" },
  fchown: { parameters: ["i32", "u32", "u32"], result: "i32" },
  shutdown: { parameters: ["i32", "i32"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
  signal: { parameters: ["i32", "pointer"], result: "pointer" },
  alarm: { parameters: ["u32"], result: "u32" },
  clock_gettime: { parameters: ["i32", "buffer"], result: "i32" },
  if_nametoindex: { parameters: ["buffer"], result: "u32" },
  dlsym: { parameters: ["usize", "buffer"], result: "pointer" },
  epoll_ctl: { parameters: ["i32", "i32", "i32", "buffer"], result: "i32" },
  dlopen: { parameters: ["buffer", "i32"], result: "usize" },
  dlerror: { parameters: [], result: "pointer" },
  malloc: { parameters: ["usize"], result: "usize" },
  free: { parameters: ["usize"], result: "void" },
  memcpy: { parameters: ["usize", "usize", "usize"], result: "usize" },
} as const satisfies Deno.ForeignLibraryInterface;

export type Libc = Deno.DynamicLibrary<typeof SYMBOLS>["symbols"];

/** The errors that callers tell apart. */
export const Errno = {
  ENOENT: 2,
  EINTR: 4,
  EBADF: 9,
  EAGAIN: 11,
  EACCES: 13,
  EADDRINUSE: 98,
  EADDRNOTAVAIL: 99,
} as const;

/** A call of libc that failed. */
export class LibcError extends SystemError {
  readonly call: string;
  readonly errno: number;

  constructor(call: string, errno: number, context: string) {
    super(`${context}: ${call} failed: ${strerror(errno)} (errno ${errno})`);
    this.call = call;
    this.errno = errno;
  }
}

let opened: Libc | string | undefined;

/** Why libc cannot be called here, in a few words that fit after a colon; null where it can. */
export function libcUnavailable(): string | null {
  const found = opened ??= open();
  return typeof found === "string" ? found : null;
}

/** libc's functions. Throws a {@linkcode SystemError} with the reason where there are none. */
export function libc(): Libc {
  const found = opened ??= open();
  if (typeof found === "string") throw new SystemError(`Cannot call libc: ${found}`);
  return found;
}

function open(): Libc | string {
  if (Deno.build.os !== "linux") return `not on ${Deno.build.os}, this needs Linux`;
  // Asked first, since dlopen would prompt a person at a terminal.
  if (Deno.permissions.querySync({ name: "ffi" }).state !== "granted") {
    return "FFI is not permitted (run with --allow-ffi or -A)";
  }
  let last = "";
  for (const library of LIBRARIES) {
    try {
      return Deno.dlopen(library, SYMBOLS).symbols;
    } catch (error) {
      last = messageOf(error);
    }
  }
  return `${LIBRARIES.join(" and ")} cannot be loaded (${last})`;
}

/**
 * Returns what a call returned, or throws its errno. Nothing may run between the call and this: errno
 * is the thread's, and whatever else the thread calls may overwrite it.
 */
export function check(result: number, call: string, context: string): number {
  if (result < 0) throw new LibcError(call, errno(), context);
  return result;
}

/** errno of this thread, as the last failed call left it. */
export function errno(): number {
  const at = libc().__errno_location();
  return at === null ? 0 : new Deno.UnsafePointerView(at).getInt32();
}

/** Sets errno to 0, for calls like getpwnam() that tell "not found" from "failed" by it alone. */
export function clearErrno(): void {
  const at = libc().__errno_location();
  if (at !== null) new Int32Array(Deno.UnsafePointerView.getArrayBuffer(at, 4))[0] = 0;
}

/** The system's words for an error number. */
function strerror(errno: number): string {
  const at = libc().strerror(errno);
  return at === null ? "unknown error" : Deno.UnsafePointerView.getCString(at);
}

/** A string as C wants it. Throws where it holds a NUL, which would cut it short in silence. */
export function cString(value: string): Uint8Array<ArrayBuffer> {
  if (value.includes("\0")) {
    throw new SystemError(`Cannot pass ${JSON.stringify(value)} to libc: it holds a NUL`);
  }
  return new TextEncoder().encode(`${value}\0`);
}
