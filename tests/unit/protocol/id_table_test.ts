import { assertEquals } from "@std/assert";
import { IdTable } from "../../../src/protocol/id_table.ts";

Deno.test("an IdTable does what a Map does, with many that come and go and some that stay", () => {
  const [table, map] = [new IdTable<string>(), new Map<number, string>()];
  let seed = 7;
  const random = (below: number) => (seed = Math.imul(seed, 1103515245) + 12345 >>> 0) % below;
  for (let id = 1; id <= 20_000; id++) {
    table.set(id, `${id}`);
    map.set(id, `${id}`);
    // Up to some hundred at once, of which every hundredth is for good.
    const gone = id - random(300);
    if (gone % 100 !== 0) assertEquals(table.delete(gone), map.delete(gone));
    const asked = id - random(1_000);
    assertEquals(table.get(asked), map.get(asked));
    assertEquals(table.size, map.size);
  }
  assertEquals(table.oldestFirst(), [...map.values()]);
  assertEquals(new Set(table.values()), new Set(map.values()));
  for (const id of map.keys()) table.delete(id);
  assertEquals([table.size, table.values()], [0, []]);
});

Deno.test("an id that is set again has the new value, and one that is not there nothing", () => {
  const table = new IdTable<string>();
  table.set(0x7fffffff, "a");
  table.set(0x7fffffff, "b");
  assertEquals([table.size, table.get(0x7fffffff), table.get(1), table.get(0)], [
    1,
    "b",
    undefined,
    undefined,
  ]);
  assertEquals([table.delete(1), table.delete(0x7fffffff), table.delete(0x7fffffff)], [
    false,
    true,
    false,
  ]);
});
