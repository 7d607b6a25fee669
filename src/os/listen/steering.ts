/**
 * Steering: which listening socket of a SO_REUSEPORT group gets a new connection.
 *
 * Left alone, the kernel chooses by a hash of the connection's addresses. A classic BPF program can
 * choose instead: it returns the index of a socket, in the order of listen(). A program belongs to
 * the group rather than to a socket: whoever attaches last has the say, and it stays when sockets
 * come and go. An index that is out of range falls back to the hash. No privilege is needed.
 * See socket(7), SO_ATTACH_REUSEPORT_CBPF, and Documentation/networking/filter.rst of the kernel.
 */

import { SystemError } from "../../errors.ts";
import type { SteeringPlan } from "../../protocol/control/control.ts";
import { attachProgram, type Instruction, RETURN } from "../sockets/bpf.ts";
import { check, Errno, errno, libc } from "../libc.ts";
import { SocketOption, SOL_SOCKET } from "../sockets/socket.ts";

/** BPF_LD | BPF_W | BPF_ABS: load a word; from SKF_AD_OFF on, what is loaded is an extension. */
const LOAD = 0x20;
/** BPF_JMP | BPF_JGE | BPF_K: jump if A >= k. */
const JUMP_IF_AT_LEAST = 0x35;
/** SKF_AD_OFF + SKF_AD_RANDOM: a random 32-bit number. */
const RANDOM = 0xffff_f000 + 56;

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

/** Puts a plan in force for the group of this listening socket; an empty one undoes it. */
export function steer(fd: number, plan: SteeringPlan): void {
  if (plan.weights.length === 0) detachSteering(fd);
  else {
    const program = buildSteeringProgram(plan.weights);
    attachProgram(fd, SocketOption.attachReuseportCbpf, program, "Cannot steer new connections");
  }
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
