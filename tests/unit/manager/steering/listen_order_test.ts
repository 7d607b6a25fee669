import { assertEquals } from "@std/assert";
import { ListenOrder } from "../../../../src/manager/steering/listen_order.ts";

/** Procs that came to listen one after the other, long ago. */
function group(...ids: number[]): ListenOrder {
  const order = new ListenOrder();
  ids.forEach((id, i) => order.opened(id, i, i + 1));
  return order;
}

/** A plan that keeps connections away from these. */
function without(order: ListenOrder, ...leaving: number[]): number[] | null {
  return order.weights((id) => leaving.includes(id) ? 0 : 1);
}

Deno.test("sockets stand in the order of listen()", () => {
  assertEquals(group(7, 3, 5).possible, [[7, 3, 5]]);
  assertEquals(group().possible, [[]]);
});

Deno.test("when one closes, the last takes its place", () => {
  const order = group(1, 2, 3, 4);
  order.closed(2, 10_000, 10_000);
  assertEquals(order.possible, [[1, 4, 3]]);
  order.closed(3, 20_000, 20_000);
  assertEquals(order.possible, [[1, 4]]);
  order.opened(5, 30_000, 30_001);
  assertEquals(order.possible, [[1, 4, 5]]);
});

Deno.test("a rolling reload is certain at each step", () => {
  const order = group(1, 2);
  order.opened(3, 10_000, 10_010);
  assertEquals(without(order, 1), [0, 1, 1]);
  order.closed(1, 10_010, 10_400);
  assertEquals(order.possible, [[3, 2]]);
  order.opened(4, 10_400, 10_410);
  assertEquals(without(order, 2), [1, 0, 1]);
  order.closed(2, 10_410, 10_800);
  assertEquals(order.possible, [[3, 4]]);
});

Deno.test("two that die at about the same time leave two possible orders", () => {
  const order = group(1, 2, 3, 4, 5);
  order.closed(1, 9_000, 10_000);
  order.closed(2, 9_500, 10_100);
  assertEquals([...order.possible ?? []].sort(), [[4, 5, 3], [5, 4, 3]]);
});

Deno.test("connections are kept away from a proc in every order that is possible", () => {
  const order = group(1, 2, 3, 4, 5);
  order.closed(1, 9_000, 10_000);
  order.closed(2, 9_500, 10_100);
  assertEquals(without(order, 3), [1, 1, 0]);
  assertEquals(without(order, 4), [0, 0, 1]);
  assertEquals(without(order, 3, 4), null);
});

Deno.test("of the procs that may be at an index the least weight counts", () => {
  const order = group(1, 2, 3, 4, 5);
  order.closed(1, 9_000, 10_000);
  order.closed(2, 9_500, 10_100);
  assertEquals(order.weights((id) => id), [4, 4, 3]);
});

Deno.test("one that dies while another comes to listen: either may have been first", () => {
  const order = group(1, 2, 3);
  order.opened(4, 10_000, 10_050);
  order.closed(1, 9_900, 10_020);
  assertEquals([...order.possible ?? []].sort(), [[3, 2, 4], [4, 2, 3]]);
});

Deno.test("changes that do not overlap are certain, however close they are", () => {
  const order = group(1, 2, 3, 4);
  order.closed(1, 10_000, 10_001);
  order.closed(2, 10_001, 10_002);
  assertEquals(order.possible, [[4, 3]]);
});

Deno.test("a death that nobody noticed for long is only as uncertain as reports are late", () => {
  const order = group(1, 2, 3, 4);
  order.closed(1, 10_000, 10_100);
  // Stopped for a minute, and then killed.
  order.closed(2, 9_900, 70_000);
  assertEquals(order.possible, [[4, 3]]);
});

Deno.test("what was uncertain is over when the last socket is closed", () => {
  const order = group(1, 2, 3);
  for (const id of [1, 2, 3]) order.closed(id, 9_000, 10_000);
  order.opened(4, 10_100, 10_200);
  order.opened(5, 10_200, 10_300);
  assertEquals(order.possible, [[4, 5]]);
});

Deno.test("what became of too many at once nobody knows, until all are gone", () => {
  const ids = Array.from({ length: 20 }, (_, i) => i + 1);
  const order = group(...ids);
  for (const id of ids.slice(0, 9)) order.closed(id, 9_000, 10_000);
  assertEquals(order.possible, null);
  assertEquals(without(order, 15), null);
  for (const id of ids.slice(9)) order.closed(id, 19_000, 20_000);
  order.opened(30, 20_100, 20_200);
  assertEquals(order.possible, [[30]]);
});

Deno.test("a proc that never listened, or twice, changes nothing", () => {
  const order = group(1, 2);
  order.closed(9, 0, 10);
  order.opened(1, 20, 30);
  assertEquals(order.possible, [[1, 2]]);
  assertEquals([...order.listening], [1, 2]);
});
