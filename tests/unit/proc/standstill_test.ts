import { assertEquals } from "@std/assert";
import { LOOK_MS, type Standing, Standstill } from "../../../src/proc/threads/standstill.ts";

/** What each of some looks in a row, LOOK_MS apart, comes to. */
function looks(...threads: Standing[][]): boolean[] {
  const standstill = new Standstill();
  return threads.map((standing, i) => standstill.look(standing, i * LOOK_MS));
}

Deno.test("threads that stand at the same thing for three looks are held up", () => {
  assertEquals(looks([7], [7], [7], [7]), [false, false, true, true]);
  assertEquals(looks(["7 1"], ["7 1"], ["7 1"]), [false, false, true]);
});

Deno.test("one thing after another, however many, holds nobody up", () => {
  assertEquals(looks([1], [1], [2], [2], [3]), [false, false, false, false, false]);
  assertEquals(looks(["7 1"], ["7 1"], ["7 2"]), [false, false, false]);
});

Deno.test("as long as one thread is free, or gets on, not all are held up", () => {
  assertEquals(looks([7, null], [7, null], [7, null]), [false, false, false]);
  assertEquals(looks([7, 1], [7, 2], [7, 2], [7, 2]), [false, false, false, true]);
  assertEquals(looks([7, 8], [7, 8], [7, 8], [null, 8], [9, 8]), [
    false,
    false,
    true,
    false,
    false,
  ]);
  assertEquals(looks([], [], []), [false, false, false]);
});

Deno.test("time in which the server itself stood still counts against nobody", () => {
  const standstill = new Standstill();
  standstill.look([7], 0);
  assertEquals(standstill.look([7], 5_000), false);
  assertEquals(standstill.look([7], 5_000 + LOOK_MS), false);
  assertEquals(standstill.look([7], 5_000 + 2 * LOOK_MS), true);
  // Nor does it free anybody.
  assertEquals(standstill.look([7], 9_000), true);
  assertEquals(standstill.look([8], 12_000), false);
});
