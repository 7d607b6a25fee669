/** Responses of WSGI apps, each as PEP 3333 has it. wsgiref.validate checks what is done to the apps. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { type Scene, sceneTest } from "../../support/scene.ts";
import { until } from "../../support/wait.ts";
import { Wire, type WireResponse } from "../../support/wire.ts";
import { startWsgi, stateOf } from "./app.ts";

interface Expected {
  readonly status?: number;
  readonly fields?: Readonly<Record<string, string>>;
  /** Fields that must not be there. */
  readonly without?: readonly string[];
  readonly body?: string;
  /** The app says no length: the server does, where it has the whole body when it looks. */
  readonly lengthless?: boolean;
}

/** What each path of the app has to be answered with. */
const EXPECTED: Readonly<Record<string, Expected>> = {
  "/hello": { fields: { "content-type": "text/plain", "content-length": "5" }, body: "hello" },
  "/several": { fields: { "content-length": "13" }, body: "one two three" },
  "/empty": { fields: { "content-length": "0" }, body: "" },
  "/generator": { lengthless: true, body: "one two" },
  "/late-start": { status: 202, lengthless: true, body: "late" },
  "/iterator": { lengthless: true, body: "one two" },
  "/known-length": { fields: { "content-length": "7" }, body: "one two" },
  "/one-block": { fields: { "content-length": "3" }, body: "one" },
  "/nothing": { fields: { "content-length": "0" }, body: "" },
  "/write": { lengthless: true, body: "written twice and returned" },
  "/odd-status": { status: 999, body: "odd" },
  "/teapot": { status: 418, body: "short and stout" },
  "/no-content": { status: 204, without: ["content-length", "transfer-encoding"], body: "" },
  "/not-modified": { status: 304, fields: { etag: '"x"' }, body: "" },
  "/cookies": { body: "ok" },
  "/latin1": { fields: { "x-name": "caf\xe9 \xff", "x-empty": "" }, body: "\x00\xff\r\n" },
  "/replaced": { status: 500, fields: { "x-second": "1" }, without: ["x-first"], body: "noticed" },
  "/nowhere": { status: 404, body: "no such app: /nowhere" },
};

async function get(wire: Wire, path: string, method = "GET"): Promise<WireResponse> {
  await wire.send(`${method} ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
  const response = await wire.response({ head: method === "HEAD" });
  if (response === null) throw new Error(`${method} ${path}: no response`);
  return response;
}

function check(response: WireResponse, expected: Expected, what: string): void {
  assertEquals(response.status, expected.status ?? 200, what);
  for (const [name, value] of Object.entries(expected.fields ?? {})) {
    assertEquals(response.fields.get(name), value, `${what} ${name}`);
  }
  for (const name of expected.without ?? []) {
    assert(!response.fields.has(name), `${what} has ${name}`);
  }
  if (expected.lengthless) {
    const { fields } = response;
    assert(fields.has("content-length") !== fields.has("transfer-encoding"), what);
  }
  if (expected.body !== undefined) assertEquals(response.body, expected.body, what);
}

/** No test may leave a complaint of wsgiref.validate in the log. */
function assertClean(server: { output: string }): void {
  assert(!/ERROR|Traceback|AssertionError/.test(server.output), server.output);
}

sceneTest("every kind of response reaches the client, all over one connection", async (scene) => {
  const server = await startWsgi(scene);
  using wire = await Wire.connect(server.port);
  for (const [path, expected] of Object.entries(EXPECTED)) {
    check(await get(wire, path), expected, path);
  }
  assertClean(server);
});

sceneTest("HEAD gets the head of GET and no body", async (scene) => {
  const server = await startWsgi(scene);
  using wire = await Wire.connect(server.port);
  for (const [path, expected] of Object.entries(EXPECTED)) {
    const { lengthless, ...rest } = expected;
    const { "content-length": length, ...fields } = expected.fields ?? {};
    if (length !== undefined && length !== "0") Object.assign(fields, { "content-length": length });
    // Of an empty body it is not known whether GET would have one.
    const without = [...expected.without ?? [], ...(lengthless ? ["content-length"] : [])];
    check(await get(wire, path, "HEAD"), { ...rest, fields, without, body: "" }, path);
  }
  assertClean(server);
});

for (const method of ["GET", "HEAD"]) {
  sceneTest(`wsgiref.validate has nothing to say, ${method}`, async (scene) => {
    const server = await startWsgi(scene, "conformance:validated");
    using wire = await Wire.connect(server.port);
    for (const [path, { status, body }] of Object.entries(EXPECTED)) {
      const expected = { status: status ?? 200, body: method === "GET" ? body ?? "" : "" };
      check(await get(wire, path, method), expected, path);
    }
    assertClean(server);
  });
}

sceneTest("fields of one name stay apart", async (scene) => {
  const server = await startWsgi(scene);
  const response = await server.fetch("/cookies");
  assertEquals(response.headers.getSetCookie(), ["a=1; Path=/", "b=2"]);
  await response.body?.cancel();
  assertEquals((await server.fetch("/teapot")).headers.get("x-a"), "1, 2");
});

sceneTest("an iterable is closed once, whatever became of it", async (scene) => {
  const server = await startWsgi(scene);
  const closing = ["/iterator", "/known-length", "/one-block", "/nothing"];
  const failing = ["/fail-first", "/fail-midway", "/fail-closing", "/yield-str"];
  const wrong = ["/too-short", "/too-long", "/length-and-more"];
  let closed = 0;
  for (const path of [...closing, ...failing, ...wrong]) {
    for (const method of ["GET", "HEAD"]) {
      const response = await server.fetch(path, { method }).catch(() => null);
      await response?.text().catch(() => {});
      closed++;
      await until(
        `${method} ${path} closes`,
        async () => (await stateOf(server)).closed === closed,
      );
    }
  }
});

sceneTest("a large body arrives whole, from a list and from a generator", async (scene) => {
  const server = await startWsgi(scene);
  const expected = Array.from({ length: 1_000_000 }, (_, i) => String(i).padStart(7, "0") + "\n");
  const response = await server.fetch("/large");
  assertEquals(response.headers.get("content-length"), "8000000");
  assert(await response.text() === expected.join(""), "the body differs");
  const blocks = expected.slice(0, 100).map((line) => line.repeat(12_500)).join("");
  assert(await server.get("/large-generator") === blocks, "the generated body differs");
  assertClean(server);
});

sceneTest("a file goes out through wsgi.file_wrapper", async (scene) => {
  const server = await startWsgi(scene);
  const file = new URL("../../apps/wsgi/conformance/responses.py", import.meta.url);
  const text = await Deno.readTextFile(file);
  assertEquals(await server.get("/file"), text);
  assertEquals(await server.get("/file?names"), text);
  assertClean(server);
});

/** The part of a response that comes before the server cuts the connection. */
async function cutOff(scene: Scene, path: string): Promise<{ text: string; output: string }> {
  const server = await startWsgi(scene);
  using wire = await Wire.connect(server.port);
  await wire.send(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
  const text = await wire.rest();
  assertEquals(await server.get("/hello"), "hello");
  return { text, output: server.output };
}

for (const path of ["/too-short", "/too-short?list=1"]) {
  sceneTest(`a body below its Content-Length closes the connection: ${path}`, async (scene) => {
    const { text, output } = await cutOff(scene, path);
    assertMatch(text, /content-length: 10\r\n/);
    assertMatch(text, /\r\n\r\n(?:sho(?:rt)?)?$/);
    assertMatch(output, /ERROR.* GET \/too-short: the body ends 5 bytes before its Content-Length/);
  });
}

for (const path of ["/too-long", "/too-long?list=1", "/length-and-more"]) {
  sceneTest(`a body above its Content-Length is cut there, and logged: ${path}`, async (scene) => {
    const server = await startWsgi(scene);
    using wire = await Wire.connect(server.port);
    const cut = { fields: { "content-length": "5" }, body: "hello" };
    check(await get(wire, path), cut, path);
    // The connection is in order: what was too much is not taken for another response.
    check(await get(wire, "/hello"), EXPECTED["/hello"]!, "the next request");
    await server.says(/WARNING.* GET \/[a-z-]+: the body is longer than its Content-Length/);
  });
}

sceneTest("a response without a body drops the app's", async (scene) => {
  const server = await startWsgi(scene);
  using wire = await Wire.connect(server.port);
  check(await get(wire, "/body-of-204"), { ...EXPECTED["/no-content"]!, status: 204 }, "204");
  check(await get(wire, "/hello"), EXPECTED["/hello"]!, "the next request");
  await server.says(/WARNING.* GET \/body-of-204: a response 204 has no body/);
});
