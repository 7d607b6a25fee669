/** Whether calls are quick (wsgi/pace.ts), by a clock that the test sets. */

import { assertEquals } from "@std/assert";
import { Pace } from "../../../src/wsgi/pace.ts";

/** Runs calls one after another, a batch each `batch`. Returns after how many they were found slow. */
function foundAfter(durations: readonly number[], batch: number): number | null {
  let now = 0;
  const pace = new Pace(() => now);
  for (const [i, duration] of durations.entries()) {
    if (i % batch === 0) pace.begin();
    now += duration;
    if (pace.call()) return i + 1;
    if (i % batch === batch - 1 && pace.end()) return i + 1;
    // What passes between two batches is no call's.
    if (i % batch === batch - 1) now += 1_000;
  }
  return null;
}

const repeated = (count: number, ...durations: number[]) =>
  Array.from({ length: count }, () => durations).flat();

Deno.test("calls of some µs stay quick, in batches of any size", () => {
  for (const batch of [1, 3, 8, 20]) assertEquals(foundAfter(repeated(5_000, 0.005), batch), null);
});

Deno.test("a pause of some ms in a thousand calls, as a busy machine makes, counts for nothing", () => {
  assertEquals(foundAfter(repeated(10, 4, ...repeated(999, 0.005)), 20), null);
});

Deno.test("one call that blocks for long is found when it is over", () => {
  assertEquals(foundAfter([...repeated(400, 0.005), 50], 1), 401);
});

Deno.test("calls of a millisecond are found after eight, those of 50 µs later", () => {
  assertEquals(foundAfter(repeated(100, 1), 1), 8);
  assertEquals(foundAfter(repeated(1_000, 0.05), 8), 160);
});

Deno.test("calls are found to be slow again and again", () => {
  let now = 0;
  const pace = new Pace(() => now);
  let found = 0;
  pace.begin();
  for (let i = 0; i < 800; i++) {
    now += 1;
    if (pace.call()) found++;
  }
  assertEquals(found, 100);
});
