import { assertEquals } from "@std/assert";
import { BlockedProcs } from "../../../../src/manager/steering/blocked_procs.ts";
import { HEARTBEAT_INTERVAL_MS } from "../../../../src/protocol/control/control.ts";

Deno.test("a proc is blocked from when it says so to when it says that it is not, or is gone", () => {
  const procs = new BlockedProcs();
  procs.told(1, true);
  procs.heard(1, 0);
  assertEquals([procs.has(1), procs.isLate(1), procs.has(2)], [true, false, false]);
  procs.told(1, false);
  assertEquals(procs.has(1), false);
  procs.told(1, true);
  procs.forget(1);
  assertEquals(procs.has(1), false);
});

Deno.test("a proc that misses two beats of the others is blocked until it is heard", () => {
  const procs = new BlockedProcs();
  for (const id of [1, 2]) procs.heard(id, 0);
  procs.heard(2, 2 * HEARTBEAT_INTERVAL_MS);
  assertEquals(procs.has(1), false);
  procs.heard(2, 2 * HEARTBEAT_INTERVAL_MS + 1);
  assertEquals([procs.has(1), procs.isLate(1), procs.has(2)], [true, true, false]);
  procs.heard(1, 2 * HEARTBEAT_INTERVAL_MS + 2);
  assertEquals([procs.has(1), procs.isLate(1)], [false, false]);
});

Deno.test("who is gone is not late", () => {
  const procs = new BlockedProcs();
  for (const id of [1, 2]) procs.heard(id, 0);
  procs.forget(1);
  procs.heard(2, 10 * HEARTBEAT_INTERVAL_MS);
  assertEquals(procs.has(1), false);
});
