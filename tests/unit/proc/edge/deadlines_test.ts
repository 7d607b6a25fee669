import { assert, assertEquals } from "@std/assert";
import { Deadlines, SLOT_MS, type Timed } from "../../../../src/proc/edge/deadlines.ts";

class Item implements Timed {
  dueAt = Infinity;
  lookAt = -1;
  lookPlace = -1;
  due = 0;
  then: (() => void) | null = null;

  onDue(): void {
    this.due++;
    this.then?.();
  }
}

/** A wheel whose time is turned by hand. */
function wheel(start = 1000): {
  deadlines: Deadlines;
  at(now: number): void;
  clock(now: number): void;
} {
  let now = start;
  const deadlines = new Deadlines(() => now);
  return {
    deadlines,
    clock: (next) => void (now = next),
    at(next) {
      now = next;
      deadlines.turn();
    },
  };
}

Deno.test("an item is due at its time or one slot later, once, and never before", () => {
  const time = wheel();
  const item = new Item();
  time.deadlines.set(item, 6_100);
  for (let now = 1000; now < 6_100; now += 50) time.at(now);
  assertEquals(item.due, 0);
  time.at(6_100 + SLOT_MS);
  assertEquals(item.due, 1);
  time.at(100_000);
  assertEquals([item.due, item.dueAt, time.deadlines.size], [1, Infinity, 0]);
});

Deno.test("a deadline that is moved away again and again is never due, and costs no move in the wheel", () => {
  const time = wheel();
  const item = new Item();
  time.deadlines.set(item, 6_000);
  const lookAt = item.lookAt;
  for (let now = 1000; now < 5_000; now += 10) {
    time.deadlines.set(item, Infinity);
    time.deadlines.set(item, now + 5_000);
    assertEquals(item.lookAt, lookAt);
  }
  time.at(6_500);
  assertEquals([item.due, time.deadlines.size], [0, 1]);
  time.at(10_300);
  assertEquals(item.due, 1);
});

Deno.test("a deadline that is drawn nearer is kept", () => {
  const time = wheel();
  const item = new Item();
  time.deadlines.set(item, 60_000);
  time.deadlines.set(item, 3_000);
  time.at(3_300);
  assertEquals([item.due, time.deadlines.size], [1, 0]);
});

Deno.test("a deadline that was taken away and set sooner than the old one is kept", () => {
  const time = wheel();
  const item = new Item();
  time.deadlines.set(item, 30_000);
  time.deadlines.set(item, Infinity);
  time.deadlines.set(item, 2_000);
  time.at(2_300);
  assertEquals(item.due, 1);
});

Deno.test("deadlines beyond the wheel's horizon are kept", () => {
  const time = wheel();
  const item = new Item();
  time.deadlines.set(item, 300_000);
  for (let now = 1_000; now < 300_000; now += 1_000) time.at(now);
  assertEquals(item.due, 0);
  time.at(300_500);
  assertEquals(item.due, 1);
});

Deno.test("an item that has no deadline any more leaves the wheel by itself", () => {
  const time = wheel();
  const item = new Item();
  time.deadlines.set(item, 2_000);
  time.deadlines.set(item, Infinity);
  time.at(2_500);
  assertEquals([item.due, item.lookAt, time.deadlines.size], [0, -1, 0]);
});

Deno.test("an item that is due may set itself anew and remove others", () => {
  const time = wheel();
  const [first, second] = [new Item(), new Item()];
  time.deadlines.set(first, 2_000);
  time.deadlines.set(second, 2_000);
  first.then = () => {
    time.deadlines.remove(second);
    // Due already: not in this turn again, which would not end, but in the next.
    if (first.due < 3) time.deadlines.set(first, 0);
  };
  time.at(2_250);
  assertEquals([first.due, second.due], [1, 0]);
  time.at(2_500);
  time.at(2_750);
  assertEquals([first.due, time.deadlines.size], [3, 0]);
});

Deno.test("a clock that jumps far ahead makes all due, once", () => {
  const time = wheel();
  const items = Array.from({ length: 500 }, () => new Item());
  items.forEach((item, i) => time.deadlines.set(item, 1_000 + i * 200));
  time.at(10_000_000);
  assert(items.every((item) => item.due === 1));
  const item = new Item();
  time.deadlines.set(item, 10_001_000);
  time.at(10_001_250);
  assertEquals(item.due, 1);
});

Deno.test("random deadlines, moved and removed at random, are due on time", () => {
  const time = wheel(0);
  let seed = 3;
  const random = (below: number) =>
    ((seed = (seed * 1103515245 + 12345) & 0x7fffffff) >> 8) % below;
  const items = Array.from({ length: 200 }, () => new Item());
  const wanted = new Map<Item, number>();
  for (const item of items) item.then = () => wanted.delete(item);
  for (let now = 0; now < 400_000; now += 100) {
    const item = items[random(items.length)]!;
    const dueAt = random(4) === 0 ? Infinity : now + random(100_000);
    time.deadlines.set(item, dueAt);
    wanted.set(item, dueAt);
    const before = new Map(wanted);
    time.at(now);
    for (const [each, due] of before) {
      if (!wanted.has(each)) assert(due <= now, `due at ${due}, told at ${now}`);
      else assert(due + SLOT_MS > now, `due at ${due}, not told by ${now}`);
    }
  }
});

Deno.test("after a rest the wheel goes on with the clock", () => {
  const time = wheel();
  const [first, second] = [new Item(), new Item()];
  time.deadlines.set(first, 2_000);
  time.at(2_250);
  assertEquals([first.due, time.deadlines.size], [1, 0]);
  // Nobody turns it meanwhile; the clock is read when something is put in.
  time.clock(5_000_000);
  time.deadlines.set(second, 5_001_000);
  time.at(5_000_900);
  assertEquals(second.due, 0);
  time.at(5_001_250);
  assertEquals(second.due, 1);
});
