import { assertEquals } from "@std/assert";
import { parseRefusal } from "../../../src/launch/deno_refusal.ts";

Deno.test("what Deno says is told without its own backtrace and what it said before", () => {
  const text = `Warning something else
error: Failed deserializing config file 'file:///app/deno.json'.

Caused by:
    Unterminated object on line 1 column 14

Stack backtrace:
   0: <unknown>
`;
  assertEquals(parseRefusal(text), {
    why: "Failed deserializing config file 'file:///app/deno.json'.",
    causes: "Caused by:\n    Unterminated object on line 1 column 14",
  });
  assertEquals(parseRefusal("\x1b[0m\x1b[1m\x1b[31merror\x1b[0m: in colour\n")?.why, "in colour");
  assertEquals(parseRefusal("error: no more\n"), { why: "no more", causes: "" });
  assertEquals(parseRefusal("Killed\n"), null);
});
