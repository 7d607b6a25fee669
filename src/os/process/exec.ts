/** Another program in this very process, execve(2): it keeps its id, its parent and its descriptors. */

import { check, cString, libc } from "../libc.ts";

const STDIN = 0;
const SEEK_SET = 0;

/**
 * Becomes `program`, which reads `input` on its standard input. Never returns; throws a LibcError
 * where that cannot be, and then standard input may be another one already.
 *
 * All else that this process has opened is closed, since Deno opens with CLOEXEC; what it inherited
 * stays open. Environment and current directory are those of this moment.
 *
 * @param args The arguments, without the program's own name.
 */
export function becomeProgram(program: string, args: readonly string[], input: string): never {
  const context = `Cannot go on as ${program}`;
  const path = cString(program);
  // Kept in variables: the kernel reads them through bare addresses.
  const strings = [path, ...args.map(cString)];
  const argv = new BigUint64Array(strings.length + 1);
  strings.forEach((string, i) => argv[i] = Deno.UnsafePointer.value(Deno.UnsafePointer.of(string)));
  replaceStdin(new TextEncoder().encode(input), context);
  check(libc().execv(path, argv), "execv()", context);
  throw new Error("execv() has returned, which it only does with an error");
}

/** By a file in memory rather than a pipe, which would take no more than 64 KiB before it is read. */
function replaceStdin(bytes: Uint8Array<ArrayBuffer>, context: string): void {
  const { memfd_create, write, lseek, dup3, close } = libc();
  const fd = check(memfd_create(cString("entry"), 0), "memfd_create()", context);
  try {
    for (let at = 0; at < bytes.length;) {
      const rest = bytes.subarray(at);
      at += check(Number(write(fd, rest, BigInt(rest.length))), "write()", context);
    }
    check(Number(lseek(fd, 0n, SEEK_SET)), "lseek()", context);
    // Where standard input was closed, the file may have got its number.
    if (fd !== STDIN) check(dup3(fd, STDIN, 0), "dup3()", context);
  } finally {
    if (fd !== STDIN) close(fd);
  }
}
