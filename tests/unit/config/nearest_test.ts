import { assertEquals } from "@std/assert";
import { distance, nearest } from "../../../src/config/nearest.ts";

Deno.test("the distance counts insertions, deletions, changes and swaps", () => {
  const cases = [
    ["", "", 0],
    ["", "abc", 3],
    ["abc", "abc", 0],
    ["abc", "acb", 1],
    ["abc", "ab", 1],
    ["abc", "abcd", 1],
    ["abc", "axc", 1],
    ["kitten", "sitting", 3],
    ["ca", "abc", 3],
  ] as const;
  for (const [a, b, errors] of cases) {
    assertEquals(distance(a, b), errors, `${a} ${b}`);
    assertEquals(distance(b, a), errors, `${b} ${a}`);
  }
});

Deno.test("the nearest name is one that may be meant, or none", () => {
  const names = ["workers", "threads", "timeout", "log_level"];
  assertEquals(nearest("wrokers", names), "workers");
  assertEquals(nearest("LOG-LEVEL", names), "log_level");
  assertEquals(nearest("loglevel", names), "log_level");
  assertEquals(nearest("tiemout", names), "timeout");
  assertEquals(nearest("zzz", names), null);
  assertEquals(nearest("", names), null);
  assertEquals(nearest("x", ["pid"]), null);
});
