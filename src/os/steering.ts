/**
 * Steering: which listening socket of a SO_REUSEPORT group gets a new connection.
 *
 * Left alone, the kernel chooses by a hash of the connection's addresses. A classic BPF program can
 * choose instead: it returns the index of a socket, in the order of listen(). A program belongs to
 * the group rather than to a socket: whoever attaches last has the say, and it stays when sockets
 * come and go. An index that is out of range falls back to the hash. No privilege is needed.
 * See socket(7), SO_ATTACH_REUSEPORT_CBPF, and Documentation/networking/filter.rst of the kernel.
 */

import { SystemError } from "../errors.ts";
import type { SteeringPlan } from "../protocol/control.ts";
import { check, Errno, errno, libc } from "./libc.ts";
import { SocketOption, SOL_SOCKET } from "./socket.ts";

/** One instruction: struct sock_filter. */
export interface Instruction {
  readonly code: number;
  /** Instructions to skip where the condition holds, and where it does not. */
  readonly jt: number;
  readonly jf: number;
  readonly k: number;
}

/** BPF_LD | BPF_W | BPF_ABS: load a word; from SKF_AD_OFF on, what is loaded is an extension. */
const LOAD = 0x20;
/** BPF_JMP | BPF_JGE | BPF_K: jump if A >= k. */
const JUMP_IF_AT_LEAST = 0x35;
/** BPF_RET | BPF_K. */
const RETURN = 0x06;
/** SKF_AD_OFF + SKF_AD_RANDOM: a random 32-bit number. */
const RANDOM = 0xffff_f000 + 56;

/** sizeof(struct sock_fprog). */
const SOCK_FPROG_BYTES = 16;
const RANGE = 2 ** 32;
/** BPF_MAXINSNS is 4096; two instructions for each socket, and one to load. */
const MAX_STEERED_SOCKETS = 2_000;

/**
 * The program that gives socket `i` its share `weights[i]` of the new connections, at random; none
 * where the weight is 0. With one socket left to choose there is nothing random about it.
 */
export function buildSteeringProgram(weights: readonly number[]): Instruction[] {
  if (weights.length > MAX_STEERED_SOCKETS) {
    throw new SystemError(
      `Cannot steer among ${weights.length} sockets: at most ${MAX_STEERED_SOCKETS} fit a program`,
    );
  }
  const bad = weights.find((weight) => !(weight >= 0 && weight < Infinity));
  if (bad !== undefined) {
    throw new SystemError(`Cannot steer by weight ${bad}: 0 or more is needed`);
  }
  const chosen = weights.flatMap((weight, index) => weight > 0 ? [{ index, weight }] : []);
  const last = chosen.pop();
  if (last === undefined) throw new SystemError("Cannot steer: no socket has a weight above 0");

  const program: Instruction[] = [];
  if (chosen.length > 0) program.push({ code: LOAD, jt: 0, jf: 0, k: RANDOM });
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  let below = 0;
  for (const { index, weight } of chosen) {
    below += weight;
    const bound = Math.min(Math.round(below / total * RANGE), RANGE - 1);
    program.push({ code: JUMP_IF_AT_LEAST, jt: 1, jf: 0, k: bound });
    program.push({ code: RETURN, jt: 0, jf: 0, k: index });
  }
  program.push({ code: RETURN, jt: 0, jf: 0, k: last.index });
  return program;
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

/** Puts a plan in force for the group of this listening socket; an empty one undoes it. */
export function steer(fd: number, plan: SteeringPlan): void {
  if (plan.weights.length === 0) detachSteering(fd);
  else attachSteering(fd, buildSteeringProgram(plan.weights));
}

function attachSteering(fd: number, program: readonly Instruction[]): void {
  // struct sock_fprog: unsigned short len, then (aligned) a pointer to the instructions, which lie
  // right behind it: in one buffer, since what only a pointer refers to may be collected.
  const instructions = encodeProgram(program);
  const fprog = new Uint8Array(SOCK_FPROG_BYTES + instructions.length);
  fprog.set(instructions, SOCK_FPROG_BYTES);
  const view = new DataView(fprog.buffer);
  view.setUint16(0, program.length, true);
  const at = Deno.UnsafePointer.value(Deno.UnsafePointer.of(fprog));
  view.setBigUint64(8, BigInt(at) + BigInt(SOCK_FPROG_BYTES), true);
  check(
    libc().setsockopt(fd, SOL_SOCKET, SocketOption.attachReuseportCbpf, fprog, SOCK_FPROG_BYTES),
    "setsockopt(SO_ATTACH_REUSEPORT_CBPF)",
    "Cannot steer new connections",
  );
}

function detachSteering(fd: number): void {
  const c = libc();
  const result = c.setsockopt(
    fd,
    SOL_SOCKET,
    SocketOption.detachReuseportBpf,
    new Int32Array(1),
    4,
  );
  // ENOENT: nothing was attached, which is what was wanted.
  if (result < 0 && errno() === Errno.ENOENT) return;
  check(result, "setsockopt(SO_DETACH_REUSEPORT_BPF)", "Cannot undo the steering");
}
