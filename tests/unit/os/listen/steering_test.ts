import { assert, assertEquals, assertThrows } from "@std/assert";
import { encodeProgram, type Instruction } from "../../../../src/os/sockets/bpf.ts";
import { buildSteeringProgram } from "../../../../src/os/listen/steering.ts";

/** Runs a program as the kernel would, with this for its random number. */
function run(program: readonly Instruction[], random: number): number {
  let a = 0;
  for (let at = 0; at < program.length; at++) {
    const { code, jt, jf, k } = program[at]!;
    if (code === 0x20) a = random;
    else if (code === 0x35) at += a >= k ? jt : jf;
    else if (code === 0x06) return k;
    else throw new Error(`unknown instruction ${code}`);
  }
  throw new Error("the program fell off its end");
}

/** The share of each index over an even sweep of all random numbers. */
function shares(weights: number[], steps = 10_000): number[] {
  const program = buildSteeringProgram(weights);
  const counts = weights.map(() => 0);
  for (let i = 0; i < steps; i++) counts[run(program, Math.floor((i / steps) * 2 ** 32))]! += 1;
  return counts.map((count) => count / steps);
}

Deno.test("one socket left to choose is chosen without a random number", () => {
  assertEquals(buildSteeringProgram([0, 0, 5]), [{ code: 0x06, jt: 0, jf: 0, k: 2 }]);
});

Deno.test("each socket gets its share, and none without a weight", () => {
  assertEquals(shares([1, 1, 1, 1]), [0.25, 0.25, 0.25, 0.25]);
  assertEquals(shares([3, 0, 1]), [0.75, 0, 0.25]);
  assertEquals(shares([0, 0.1, 0.3, 0]), [0, 0.25, 0.75, 0]);
});

Deno.test("the largest random number reaches the last socket, however small its weight", () => {
  const program = buildSteeringProgram([1e12, 1]);
  assertEquals(run(program, 2 ** 32 - 1), 1);
  assertEquals(run(program, 0), 0);
});

Deno.test("instructions are encoded as struct sock_filter", () => {
  assertEquals(
    [...encodeProgram([{ code: 0x35, jt: 1, jf: 2, k: 0xfffff038 }])],
    [0x35, 0, 1, 2, 0x38, 0xf0, 0xff, 0xff],
  );
});

Deno.test("as many sockets as are promised fit the kernel's limit", () => {
  assert(buildSteeringProgram(Array(2_000).fill(1)).length <= 4096);
  assertThrows(() => buildSteeringProgram(Array(2_001).fill(1)), Error, "at most 2000");
});

Deno.test("weights that choose nothing or make no sense are refused", () => {
  assertThrows(() => buildSteeringProgram([]), Error, "no socket has a weight");
  assertThrows(() => buildSteeringProgram([0, 0]), Error, "no socket has a weight");
  assertThrows(() => buildSteeringProgram([1, -1]), Error, "weight -1");
  assertThrows(() => buildSteeringProgram([NaN]), Error, "weight NaN");
});
