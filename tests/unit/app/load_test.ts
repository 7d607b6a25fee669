/**
 * Each app is loaded in a thread of its own, as in the server: loading replaces Deno.serve, and what
 * a module does at its top level cannot be undone.
 */
import { assertEquals, assertMatch } from "@std/assert";
import type { LoadReport, LoadRequest } from "../../apps/loader.ts";

const LOADER = new URL("../../apps/loader.ts", import.meta.url);

/** Loads `source` as an app in a fresh thread, and sends it one request for each of `paths`. */
async function load(
  source: string,
  init: { suffix?: string; paths?: string[]; addr?: Deno.NetAddr; file?: string } = {},
): Promise<LoadReport> {
  const dir = await Deno.makeTempDir();
  const file = `${dir}/${init.file ?? "app.ts"}`;
  await Deno.writeTextFile(file, source);
  const thread = new Worker(LOADER, { type: "module" });
  try {
    const request: LoadRequest = {
      specifier: file + (init.suffix ?? ""),
      addr: init.addr ?? { transport: "tcp", hostname: "127.0.0.1", port: 4567 },
      paths: init.paths ?? ["/"],
    };
    const { promise, resolve, reject } = Promise.withResolvers<LoadReport>();
    thread.onmessage = ({ data }) => resolve(data);
    thread.onerror = (event) => {
      event.preventDefault();
      reject(new Error(event.message));
    };
    thread.postMessage(request);
    const report = await promise;
    const told = JSON.parse(JSON.stringify(report).replaceAll(dir, "DIR"));
    // Whether the thread is started soon enough is the machine's affair.
    if (request.paths[0] !== "?warning") {
      told.log = told.log.filter((line: string) =>
        !/ Still waiting for .* to be loaded:/.test(line)
      );
    }
    return told;
  } finally {
    thread.terminate();
    await Deno.remove(dir, { recursive: true });
  }
}

const ok = (source: string, init: Parameters<typeof load>[1], answers: string[]) => async () => {
  const report = await load(source, init);
  assertEquals(report.error, null);
  assertEquals(report.answers, answers);
};

Deno.test(
  "a default export with fetch is called with itself as this, and with the info",
  ok(
    `export default {
       name: "me",
       fetch(request, info) { return new Response(this.name + " " + info.remoteAddr.port); },
     };`,
    {},
    ["200 me 99"],
  ),
);

Deno.test(
  "a CommonJS program may start its server later",
  ok(
    `const http = require("node:http");
     setTimeout(() => http.createServer((_, response) => response.end("late")).listen(3000), 50);
     exports.forTests = 1;`,
    { file: "app.cjs" },
    ["200 late"],
  ),
);

Deno.test(
  "the default of a module that was compiled to CommonJS serves",
  ok(
    `exports.__esModule = true;
     exports.default = { fetch: () => new Response("compiled") };`,
    { file: "app.cjs" },
    ["200 compiled"],
  ),
);

Deno.test("a CommonJS program in a file that is not named so: the error says how", async () => {
  const { error } = await load(`const http = require("node:http");`, { file: "app.js" });
  assertMatch(error!.message, /require is not defined; a CommonJS module is named \.cjs, or its/);
});

Deno.test("a CommonJS module that exports no app and starts none is refused", async () => {
  const { error } = await load(`exports.close = () => {};`, { file: "app.cjs" });
  assertMatch(error!.message, /no default export and starts no server itself; it exports close: /);
});

Deno.test(
  "an instance of a class with fetch serves",
  ok(
    `class App { #n = 7; fetch(_request: Request): Response { return new Response("n" + this.#n) } }
     export default new App();`,
    {},
    ["200 n7"],
  ),
);

Deno.test(
  "a default function serves, and so does the promise of one",
  ok(
    `export default Promise.resolve(async (r) => new Response(new URL(r.url).pathname));`,
    { paths: ["/a", "/b"] },
    ["200 /a", "200 /b"],
  ),
);

Deno.test(
  "a named export serves, whatever the default one is",
  ok(
    `export default 3; export const api = { fetch: () => new Response("api") };`,
    { suffix: ":api" },
    ["200 api"],
  ),
);

Deno.test(
  "a factory is called and its app awaited",
  ok(
    `export async function create() { await 1; return { fetch: () => new Response("made") }; }`,
    { suffix: ":create()" },
    ["200 made"],
  ),
);

Deno.test(
  "onListen of a default export is told where denicorn listens",
  ok(
    `let at = "";
     export default { fetch: () => new Response(at), onListen: (a) => { at = a.hostname + a.port } };`,
    {},
    ["200 127.0.0.14567"],
  ),
);

for (
  const [overload, call] of Object.entries({
    "a handler": `Deno.serve(() => new Response("own"))`,
    "options and a handler": `Deno.serve({ port: 3000 }, () => new Response("own"))`,
    "options with a handler": `Deno.serve({ port: 3000, handler: () => new Response("own") })`,
    "a unix path": `Deno.serve({ path: "/x.sock" }, () => new Response("own"))`,
  })
) {
  Deno.test(`an app that calls Deno.serve with ${overload} is served`, async () => {
    const report = await load(call);
    assertEquals(report.error, null);
    assertEquals(report.answers, ["200 own"]);
    assertEquals(report.log.length, 1);
    assertMatch(
      report.log[0]!,
      /^info The app calls Deno\.serve\(\) for .*: denicorn serves it at/,
    );
  });
}

Deno.test(
  "an app that calls Deno.serve later, while it starts, is waited for",
  ok(
    `async function main() {
       await new Promise((resolve) => setTimeout(resolve, 20));
       Deno.serve(() => new Response("late"));
     }
     main();`,
    {},
    ["200 late"],
  ),
);

Deno.test(
  "an app whose top level waits for the end of its server is served",
  ok(`await Deno.serve(() => new Response("up")).finished;`, {}, ["200 up"]),
);

Deno.test(
  "an app whose top level never ends after Deno.serve is served",
  ok(`Deno.serve(() => new Response("up")); await new Promise(() => {});`, {}, ["200 up"]),
);

Deno.test(
  "onListen of Deno.serve and its addr tell where denicorn listens",
  ok(
    `let at = "";
     const server = Deno.serve({ port: 1, onListen: (a) => { at = "" + a.port } },
       () => new Response(at + " " + server.addr.port));`,
    {},
    ["200 4567 4567"],
  ),
);

Deno.test(
  "onError makes the response for what the handler throws or wrongly returns",
  ok(
    `Deno.serve({ onError: (e) => new Response(e.constructor.name, { status: 502 }) }, (r) => {
       const { pathname } = new URL(r.url);
       if (pathname === "/throw") throw new RangeError();
       if (pathname === "/reject") return Promise.reject(new SyntaxError());
       return pathname === "/none" ? undefined : new Response("fine");
     });`,
    { paths: ["/throw", "/reject", "/none", "/fine"] },
    ["502 RangeError", "502 SyntaxError", "502 TypeError", "200 fine"],
  ),
);

Deno.test("a second Deno.serve gets no request and a warning", async () => {
  const report = await load(
    `Deno.serve({ port: 1 }, () => new Response("first"));
     Deno.serve({ port: 2 }, () => new Response("second"));`,
  );
  assertEquals(report.answers, ["200 first"]);
  assertMatch(report.log[1]!, /^warning The app calls Deno\.serve\(\) for port 2 while its/);
});

Deno.test("shutdown ends the server when its requests are answered, and another may follow", async () => {
  const report = await load(
    `let answer;
     const first = Deno.serve((r) => {
       if (new URL(r.url).pathname !== "/shutdown") return new Response("too late");
       first.shutdown();
       return new Promise((resolve) => { answer = resolve });
     });
     let ended = false;
     first.finished.then(() => { ended = true });
     globalThis.again = () => {
       answer(new Response("bye"));
       return first.finished.then(() => { Deno.serve(() => new Response("second " + ended)); });
     };`,
    { paths: ["&/shutdown", "/refused", "!again", "/"] },
  );
  assertEquals(report.answers, ["503 Service Unavailable\n", "200 bye", "200 second true"]);
});

Deno.test("an aborted signal ends the server at once", async () => {
  const report = await load(
    `const abort = new AbortController();
     const server = Deno.serve({ signal: abort.signal }, () => new Promise(() => {}));
     globalThis.stop = () => { abort.abort(); return server.finished; };`,
    { paths: ["&/hangs", "!stop", "/"] },
  );
  assertEquals(report.answers[0], "503 Service Unavailable\n");
});

Deno.test("a default export is served rather than a server that the module starts as well", async () => {
  const report = await load(
    `Deno.serve({ port: 9090 }, () => new Response("metrics"));
     export default { fetch: () => new Response("app") };`,
  );
  assertEquals(report.answers, ["200 app"]);
  assertMatch(report.log.at(-1)!, /^warning The app's Deno\.serve\(\) gets no request: its export/);
});

Deno.test("Deno.serve without a handler fails as Deno's own does", async () => {
  const report = await load(`Deno.serve({ port: 1 });`);
  assertMatch(report.error!.message, /TypeError: Cannot serve HTTP requests: handler must be a/);
});

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
