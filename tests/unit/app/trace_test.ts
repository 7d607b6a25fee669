import { assertEquals } from "@std/assert";
import { cleanTrace, toldOf, traceOf } from "../../../src/app/trace.ts";

const own = (file: string) => new URL(`../../../src/${file}`, import.meta.url).href;

Deno.test("a trace loses our frames and those of the runtime below them, and keeps the app's", () => {
  const trace = [
    "TypeError: boom",
    "    at deep (file:///srv/app.ts:1:25)",
    "    at Object.fetch (file:///srv/app.ts:2:1)",
    "    at ext:deno_web/02_event.js:1:1",
    `    at value (${own("app/fetch_app.ts")}:9:9)`,
    `    at async load (${own("app/fetch_app.ts")}:99:9)`,
  ];
  assertEquals(cleanTrace(trace.join("\n")), trace.slice(0, 3).join("\n"));
});

Deno.test("the properties and the cause of an error survive the removal of the last frame", () => {
  const trace = [
    "Error: outer",
    "    at file:///srv/app.ts:1:1",
    `    at x (${own("thread/main.ts")}:1:1) {`,
    "  [cause]: Error: inner",
    "      at file:///srv/app.ts:2:2",
    "}",
  ];
  assertEquals(cleanTrace(trace.join("\n")).split("\n"), [
    "Error: outer",
    "    at file:///srv/app.ts:1:1 {",
    ...trace.slice(3),
  ]);
});

Deno.test("whatever is thrown becomes a text", () => {
  assertEquals(traceOf("just a string"), 'thrown: "just a string"');
  assertEquals(traceOf(undefined), "thrown: undefined");
  const { summary, trace } = toldOf(new RangeError("too far\nsecond line"));
  assertEquals([summary, trace.split("\n")[0]], ["RangeError: too far", "second line"]);
  const evil = new Error("evil");
  Object.defineProperty(evil, "stack", {
    get() {
      throw new Error("no stack for you");
    },
  });
  assertEquals(typeof traceOf(evil), "string");
});
