import { assertEquals, assertMatch } from "@std/assert";
import { load, ok } from "./load.ts";

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

Deno.test("a server of node:http2 is not taken over, and the log says so", async () => {
  const report = await load(`import http2 from "node:http2";
    const server = http2.createServer().listen(0);
    await new Promise((resolve) => server.once("listening", resolve));
    server.close();
    export default () => new Response("beside it");`);
  assertEquals(report.answers, ["200 beside it"]);
  assertMatch(
    report.log.join("\n"),
    /warning The app calls listen\(\) of node:http2 for port 0, which denicorn does not serve: use node:http/,
  );
});
