import { assert, assertEquals, assertMatch, assertRejects, assertThrows } from "@std/assert";
import type { Server } from "node:http";
import { take } from "../../apps/taken.ts";

const { ask } = await take("plain_node.js");

interface Events extends Array<string> {
  when(name: string): Promise<void>;
  resume(): void;
}
// deno-lint-ignore no-explicit-any -- an app in JavaScript
const app: any = await import("../../apps/plain_node.js" as string);
const events: Events = app.events;
const server: Server = app.server;

/** What happened since it was last asked, without the connections. */
function happened(): string[] {
  return events.splice(0).filter((event) => !event.startsWith("connection from"));
}

const tick = () => new Promise<void>((resolve) => setTimeout(resolve));

/** What the app sets, milliseconds. */
const APP_TIMEOUT_MS = 10;

/**
 * When a timeout of the app's would have run, if one were set now: of two timers the one that is due
 * earlier is first, and of two that are due at once the one that was set earlier.
 */
const appTimersRan = () => new Promise<void>((resolve) => setTimeout(resolve, APP_TIMEOUT_MS));

/** Keeps the event loop running meanwhile, which an app's timeout does not do. */
async function awake<T>(result: Promise<T>): Promise<T> {
  const timer = setInterval(() => {}, 1_000);
  try {
    return await result;
  } finally {
    clearInterval(timer);
  }
}

/** Runs the event loop until `condition` holds. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await tick();
}

Deno.test("listen() binds nothing, and tells the app what it would tell it", () => {
  assertEquals(happened(), [
    'listening {"address":"127.0.0.1","family":"IPv4","port":4567}',
    "callback true true",
  ]);
  assertThrows(() => server.listen(1), Error, "called more than once");
});

Deno.test("the request line, its headers and the peer are what the client sent and is", async () => {
  const response = await ask("/line?a=%20b", { method: "PUT", headers: [["X-Name", "v"]] });
  assertEquals(await response.json(), {
    method: "PUT",
    url: "/line?a=%20b",
    httpVersion: "1.1",
    rawHeaders: ["X-Name", "v", "host", "app.test"],
    peer: {
      remoteAddress: "192.0.2.1",
      remotePort: 99,
      remoteFamily: "IPv4",
      localPort: 4567,
      encrypted: false,
    },
  });
});

Deno.test("a connection is announced to those who count them", async () => {
  events.splice(0);
  await (await ask("/binary")).bytes();
  assertEquals(events.splice(0), ["connection from 192.0.2.1"]);
});

Deno.test("headers: set, appended, removed, repeated, and sent once", async () => {
  const response = await ask("/headers");
  assertEquals(response.status, 202);
  assertEquals([...response.headers], [
    ["set-cookie", "a=1"],
    ["set-cookie", "b=2"],
    ["x-three", "3"],
    ["x-two", "2a, 2b"],
  ]);
  assertEquals(happened(), ["before false true", "after true"]);
});

Deno.test("headers as an array; those of the connection are the server's", async () => {
  const response = await ask("/raw-headers");
  assertEquals([...response.headers], [["x-a", "1, 2"]]);
});

Deno.test("a body of several pieces and encodings is whole when the response ends in one go", async () => {
  const response = await ask("/pieces");
  assertEquals(await response.text(), "abcd");
});

Deno.test("flushHeaders sends the head before the body", async () => {
  const response = await ask("/later");
  assertEquals(response.status, 200);
  assertEquals(await response.text(), "later and later");
});

Deno.test("bytes and latin-1 text arrive as they are", async () => {
  assertEquals([...await (await ask("/binary")).bytes()], [0, 255, 128, 10]);
  const response = await ask("/latin1");
  assertEquals(response.headers.get("x-name"), "caf\xe9");
  assertEquals([...await response.bytes()], [99, 97, 102, 0xe9]);
});

Deno.test("a chunked response is framed by the server alone, and trailers are dropped", async () => {
  const response = await ask("/chunked");
  assertEquals([...response.headers], []);
  assertEquals(await response.text(), "framed by the server");
});

Deno.test("HEAD, 204, 205 and 304 have no body", async () => {
  for (const status of [204, 205, 304]) {
    const response = await ask(`/status?${status}`);
    assertEquals([response.status, response.body], [status, null]);
  }
  const head = await ask("/status?200", { method: "HEAD" });
  assertEquals([head.status, await head.text()], [200, ""]);
});

Deno.test("informational responses are left to the server", async () => {
  assertEquals(await (await ask("/informs")).text(), "informed");
});

Deno.test("Expect: 100-continue reaches the handler; another expectation does not", async () => {
  const body = "x";
  const asks = (expect: string) => ask("/line", { method: "POST", body, headers: { expect } });
  assertEquals((await asks("100-continue")).status, 200);
  assertEquals((await asks("a-miracle")).status, 417);
  server.once("checkContinue", (_req, res) => res.writeHead(401).end());
  assertEquals((await asks("100-continue")).status, 401);
});

Deno.test("a request and its response live and end in Node's order", async () => {
  happened();
  const response = await ask("/lifecycle", { method: "POST", body: "x" });
  assertEquals(await response.text(), "lived");
  await until(() => events.includes("res close") && events.includes("req close"));
  const order = happened();
  assertEquals(order.filter((it) => it.startsWith("res") || it.startsWith("end")), [
    "res prefinish",
    "res finish",
    "end callback",
    "res close",
  ]);
  assertEquals(order.filter((it) => it.startsWith("req")), ["req end", "req close"]);
});

Deno.test("a client that goes away before the answer closes request, response and socket", async () => {
  happened();
  const abort = new AbortController();
  const hangs = events.when("hangs");
  const answer = ask("/hangs", { method: "POST", body: "unread", signal: abort.signal });
  await hangs;
  abort.abort();
  await answer; // nobody reads it
  await until(() => events.includes("socket close") && events.length >= 5);
  assertEquals(happened().sort(), [
    "req aborted",
    "req close true",
    "req error ECONNRESET",
    "res close false",
    "socket close",
  ]);
});

Deno.test("a slow client holds back an app that writes fast", async () => {
  happened();
  const response = await ask("/fast?8");
  // 16 KiB are under way, 16 KiB are buffered: the app was told to wait, and does.
  for (let i = 0; i < 10; i++) await tick();
  const stopped = happened();
  assertEquals(stopped.at(-1)!.endsWith("needs drain true"), true);
  const written = Number(/wrote (\d+)/.exec(stopped.at(-1)!)![1]);
  assert(written <= 64 * 1024, `${written} bytes were written to nobody`);
  assertEquals((await response.bytes()).length, 8 * 16 * 1024);
  await until(() => events.includes("closed"));
  assert(happened().includes("drained false"));
});

Deno.test("a client that goes away in the middle of a stream stops the app", async () => {
  happened();
  const response = await ask("/fast?1000");
  await response.body!.cancel();
  await until(() => events.includes("closed"));
  const written = happened().filter((it) => it.startsWith("wrote")).length;
  assert(written < 10, `wrote ${written} times`);
});

Deno.test("an app that reads slowly holds back the client", async () => {
  let pulled = 0;
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      if (++pulled > 100) controller.close();
      else controller.enqueue(new Uint8Array(16 * 1024));
    },
  });
  const paused = events.when("paused");
  const answer = ask("/slow-reader", { method: "POST", body });
  await paused;
  for (let i = 0; i < 10; i++) await tick();
  assert(pulled < 20, `${pulled} chunks were read for nobody`);
  events.resume();
  assertEquals(await (await answer).text(), "all of it");
  assertEquals(pulled, 101);
});

Deno.test("an upload that breaks off is an error for the app", async () => {
  happened();
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      controller.enqueue(new Uint8Array(1));
    },
    pull(controller) {
      controller.error(new Error("the line went dead"));
    },
  });
  const paused = events.when("paused");
  const failed = assertRejects(() => ask("/slow-reader", { method: "POST", body }));
  await paused;
  events.resume();
  await until(() => events.some((it) => it.startsWith("upload failed")));
  assertEquals(happened(), ["upload failed: the line went dead"]);
  await failed;
});

Deno.test("an upload that the app answers without reading is not fetched", async () => {
  let cancelled = false;
  const body = new ReadableStream<Uint8Array>({
    pull: (controller) => controller.enqueue(new Uint8Array(1024)),
    cancel: () => void (cancelled = true),
  });
  const response = await ask("/early", { method: "POST", body });
  assertEquals([response.status, await response.text()], [413, "too much"]);
  await until(() => cancelled);
});

Deno.test("a listener that throws fails its exchange and nothing else", async () => {
  await assertRejects(() => ask("/throws"), RangeError, "thrown by a listener");
  assertEquals((await ask("/binary")).status, 200);
});

Deno.test("a response that is destroyed before its head is an error", async () => {
  await assertRejects(() => ask("/destroys"), Error, "destroyed the connection before");
});

for (const path of ["/hangs-up", "/writes-to-the-socket"]) {
  Deno.test(`a socket that the app itself ends before it responds is an error: ${path}`, async () => {
    await assertRejects(() => ask(path), Error, "the app ended the connection before it responded");
  });
}

Deno.test("a socket that the app itself ends in the middle breaks its response off", async () => {
  const response = await ask("/hangs-up-later");
  await assertRejects(() => response.text(), Error, "aborted");
});

Deno.test("a socket that the app itself ends behind its response harms nothing", async () => {
  assertEquals(await (await ask("/hangs-up-behind")).text(), "whole");
});

Deno.test("a response that is destroyed after its head breaks off", async () => {
  const response = await ask("/breaks");
  await assertRejects(() => response.text(), Error, "in the middle");
});

Deno.test("a status that only fetch does not know is passed on", async () => {
  const response = await ask("/odd-status?999");
  assertEquals([response.status, await response.text()], [999, "odd"]);
});

Deno.test("a status that ends no exchange is an error, not a hang", async () => {
  await assertRejects(() => ask("/odd-status?101"), RangeError);
});

Deno.test("a timeout of the app's own is kept", async () => {
  const response = await awake(ask("/timeout"));
  assertEquals([response.status, await response.text()], [504, "my own timeout"]);
});

Deno.test("a timeout of the app's own is over with its response, however slowly that is taken", async () => {
  happened();
  const response = await awake(ask("/timeout"));
  await appTimersRan();
  assertEquals(await response.text(), "my own timeout");
  await appTimersRan();
  assertEquals(happened(), ["timeout"]);
});

Deno.test("close() waits for what is in flight, and listening again serves again", async () => {
  happened();
  const hangs = events.when("hangs");
  const abort = new AbortController();
  const inFlight = ask("/hangs", { signal: abort.signal });
  await hangs;
  assertEquals(await connections(), 1);
  let closed = false;
  server.close(() => closed = true);
  assertEquals([server.listening, server.address()], [false, null]);
  assertEquals((await ask("/binary")).status, 503);
  assertEquals(closed, false);
  abort.abort();
  await inFlight;
  await until(() => closed);
  assertEquals(await connections(), 0);
  await new Promise<void>((resolve) => server.listen(3001, resolve));
  assertEquals((await ask("/binary")).status, 200);
});

function connections(): Promise<number> {
  return new Promise((resolve, reject) =>
    server.getConnections((error, count) => error ? reject(error) : resolve(count))
  );
}

Deno.test("the options of createServer and listen are honoured", async () => {
  const source = `
    import http from "node:http";
    class Req extends http.IncomingMessage { mine = "my request" }
    class Res extends http.ServerResponse { mine = "my response" }
    const abort = new AbortController();
    const options = { IncomingMessage: Req, ServerResponse: Res };
    const server = http.createServer(options, (req, res) => {
      if (req.url === "/abort") abort.abort();
      res.end(req.mine + ", " + res.mine);
    });
    server.listen({ port: 1, signal: abort.signal });`;
  const { ask, log } = await take(`data:text/javascript,${encodeURIComponent(source)}`);
  assertMatch(
    log[0]!,
    /^The app calls listen\(\) for port 1: denicorn serves it at 127.0.0.1:4567/,
  );
  assertEquals(await (await ask("/")).text(), "my request, my response");
  assertEquals((await ask("/abort")).status, 200);
  assertEquals((await ask("/")).status, 503);
});
