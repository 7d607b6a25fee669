import { assertEquals, assertMatch } from "@std/assert";
import { load, ok } from "./load.ts";

/** Loads what must fail; gives its message and trace. */
async function fails(source: string, suffix = ""): Promise<[message: string, trace: string]> {
  const { error } = await load(source, { suffix, paths: [] });
  if (error === null) throw new Error("the app was loaded");
  assertEquals(error.exitCode, 4);
  assertEquals(error.trace.includes("/src/app/"), false);
  assertEquals(error.trace.includes("\x1b"), false);
  return [error.message, error.trace];
}

Deno.test("no default export: the error names the exports there are", async () => {
  const [message] = await fails(`export const app = { fetch() {} }; export const x = 1;`);
  assertMatch(
    message,
    /app\.ts: it has no default export.*it exports app, x: serve one with .*:app/,
  );
});

Deno.test("a server that is started by the program alone: the error says so, and does not take boot_timeout", async () => {
  const [message] = await fails(`if (import.meta.main) Deno.serve(() => new Response("hi"));`);
  assertMatch(
    message,
    /starts no server itself \(what it does where import\.meta\.main holds is not/,
  );
  assertMatch(message, /it exports nothing: add `export default \{ fetch \}`$/);
});

for (
  const listen of [
    "Deno.listen({ port })",
    `(await import("node:net")).createServer().listen(port)`,
  ]
) {
  Deno.test(`an address that another thread of the app has: ${listen}`, async () => {
    using taken = Deno.listen({ port: 0 });
    const [message] = await fails(`const { port } = ${JSON.stringify(taken.addr)};
      ${listen}; export default () => new Response("x");`);
    assertMatch(message, /in use.*; each thread of each process loads the app.* -w 1 -t 1$/);
  });
}

Deno.test(
  "an app that only names import.meta.main is waited for, however late its server",
  ok(
    `// No import.meta.main: this server comes when the stores are open.
     setTimeout(() => Deno.serve(() => new Response("late")), 5500);`,
    {},
    ["200 late"],
  ),
);

Deno.test("a named export that is not there: the error names those that are", async () => {
  const [message] = await fails(`export const app = {};`, ":api");
  assertMatch(message, /it has no export api; it exports app$/);
});

Deno.test("a default export that cannot serve: the error says what it is", async () => {
  const what = async (source: string) =>
    (await fails(source))[0].split("its export default is ")[1];
  assertEquals(
    await what(`export default "x"`),
    "a string (x); it must be a function, or an object with fetch() or listen()",
  );
  assertMatch((await what(`export default {}`))!, /^an object without fetch\(\);/);
  assertMatch((await what(`export default { fetch: 1 }`))!, /^an object, whose fetch is a number;/);
  assertMatch((await what(`export default null`))!, /^null;/);
  assertEquals(
    await what(`export default class App { fetch() {} }`),
    "the class App; export an instance of it",
  );
});

Deno.test("a syntax error: file, line and column, in the message of a SyntaxError", async () => {
  const [message, trace] = await fails(`export default {\n  fetch() { return (1; }\n};`);
  assertMatch(message, /Cannot load the app DIR\/app\.ts: SyntaxError: /);
  assertMatch(trace, /2 \| {3}fetch\(\) \{ return \(1; \}\n[^]*at file:.*app\.ts:2:\d+\n/);
});

Deno.test("an import that is not found: what, and from where", async () => {
  const [message, trace] = await fails(`\nimport "./nowhere.ts";\nexport default {};`);
  assertMatch(message, /Module not found "file:.*nowhere\.ts"/);
  assertMatch(trace, /^ +at file:.*app\.ts:2:8\n(?!.*app\.ts)/);
});

Deno.test("a top level that throws: the app's own trace with its cause", async () => {
  const [message, trace] = await fails(
    `function deep() { throw new TypeError("boom", { cause: new Error("inner") }); }\ndeep();`,
  );
  assertMatch(message, /: TypeError: boom$/);
  assertMatch(
    trace,
    /^ {4}at deep \(file:.*app\.ts:1:25\)\n {4}at file:.*app\.ts:2:1/,
  );
  assertMatch(trace, /cause\]: Error: inner/);
});

Deno.test("a start that fails asynchronously ends the wait at once", async () => {
  const [rejected] = await fails(
    `async function main() { await 1; throw new Error("no database"); } main();`,
  );
  assertMatch(rejected, /: Error: no database$/);
  const [thrown] = await fails(`setTimeout(() => { throw new Error("in a timer") }, 1);`);
  assertMatch(thrown, /: Error: in a timer$/);
});

Deno.test("an export whose properties throw: the app's own trace", async () => {
  const [message, trace] = await fails(
    `export default { get fetch() { throw new Error("no getter") } };`,
  );
  assertMatch(message, /^Cannot load the app DIR\/app\.ts: Error: no getter$/);
  assertMatch(trace, /^ {4}at Object\.get fetch .*app\.ts:1:\d+\)/);
});

Deno.test("a factory that throws: the app's own trace", async () => {
  const [message] = await fails(`export function create() { throw new Error("no") }`, ":create()");
  assertMatch(message, /: Error: no$/);
});

Deno.test("an app that never gets ready is named in the log, with what is waited for", async () => {
  const { log } = await load(`await new Promise(() => {});`, { paths: ["?warning", "top level"] });
  assertMatch(log[0]!, /^warning Still waiting for DIR\/app\.ts to be loaded: an await at its top/);
  // Before it, a busy machine may have said that the module itself took long.
  const second = await load(`const nothing = 1;`, { paths: ["?warning", "start a server"] });
  assertMatch(
    second.log.at(-1)!,
    /^warning Still waiting for .* to start a server .* exports nothing; or add `export default/,
  );
});
