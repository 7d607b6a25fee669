/**
 * Classic BPF: small programs that the kernel runs for each packet or connection of a socket. They need
 * no privilege. Documentation/networking/filter.rst of the kernel.
 */

import { check, libc } from "../libc.ts";
import { SOL_SOCKET } from "./socket.ts";

/** One instruction: struct sock_filter. */
export interface Instruction {
  readonly code: number;
  /** Instructions to skip where the condition holds, and where it does not. */
  readonly jt: number;
  readonly jf: number;
  readonly k: number;
}

/** BPF_RET | BPF_K. */
export const RETURN = 0x06;

/** sizeof(struct sock_fprog). */
const SOCK_FPROG_BYTES = 16;

/** Gives a socket its program, by this option of SOL_SOCKET. Throws LibcError: "`failure`: …". */
export function attachProgram(
  fd: number,
  option: number,
  program: readonly Instruction[],
  failure: string,
): void {
  // struct sock_fprog: unsigned short len, then (aligned) a pointer to the instructions, which lie
  // right behind it: in one buffer, since what only a pointer refers to may be collected.
  const instructions = encodeProgram(program);
  const fprog = new Uint8Array(SOCK_FPROG_BYTES + instructions.length);
  fprog.set(instructions, SOCK_FPROG_BYTES);
  const view = new DataView(fprog.buffer);
  view.setUint16(0, program.length, true);
  const at = Deno.UnsafePointer.value(Deno.UnsafePointer.of(fprog));
  view.setBigUint64(8, BigInt(at) + BigInt(SOCK_FPROG_BYTES), true);
  const set = libc().setsockopt(fd, SOL_SOCKET, option, fprog, SOCK_FPROG_BYTES);
  check(set, `setsockopt(${option})`, failure);
}

/** The program as the kernel reads it: an array of struct sock_filter. */
export function encodeProgram(program: readonly Instruction[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(8 * program.length);
  const view = new DataView(bytes.buffer);
  program.forEach(({ code, jt, jf, k }, i) => {
    view.setUint16(8 * i, code, true);
    view.setUint8(8 * i + 2, jt);
    view.setUint8(8 * i + 3, jf);
    view.setUint32(8 * i + 4, k, true);
  });
  return bytes;
}
