import { assertEquals } from "@std/assert";
import { Room } from "../../../src/proc/room.ts";

Deno.test("whoever waits for room gets it when one has left", async () => {
  let count = 2;
  const room = new Room(2, () => count);
  assertEquals(room.isFull, true);
  let entered = 0;
  const waiting = [room.free(), room.free()].map((free) => free.then(() => entered++));
  room.left();
  await Promise.resolve();
  assertEquals(entered, 0);
  count = 1;
  room.left();
  await Promise.all(waiting);
  assertEquals(entered, 2);
});

Deno.test("without a limit it is never full", () => {
  assertEquals(new Room(0, () => 1e9).isFull, false);
});
