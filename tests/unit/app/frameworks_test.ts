/** The real Express, Koa, Fastify and Hono's adapter for Node, unmodified, on requests of ours. */

import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { take } from "../../apps/taken.ts";

const json = (value: unknown) => ({
  method: "POST",
  headers: { "content-type": "application/json" },
  body: JSON.stringify(value),
});

const express = (await take("express5.js")).ask;

Deno.test("Express 5 answers, with its own headers", async () => {
  const response = await express("/");
  assertEquals(await response.text(), "Hello from Express");
  assertEquals(response.headers.get("x-powered-by"), "Express");
  assertMatch(response.headers.get("etag")!, /^W\//);
});

Deno.test("Express sees the query, the client's address and the scheme", async () => {
  assertEquals(await (await express("/json?a=1&b[c]=2")).json(), {
    query: { a: "1", "b[c]": "2" },
    ip: "192.0.2.1",
    secure: false,
  });
});

Deno.test("Express: cookies, redirect, 204, 304, HEAD, 404", async () => {
  assertEquals((await express("/cookies")).headers.getSetCookie(), [
    "a=1; Path=/",
    "b=2; Path=/; HttpOnly",
  ]);
  const redirect = await express("/redirect");
  assertEquals([redirect.status, redirect.headers.get("location")], [302, "/json?from=redirect"]);
  assertEquals((await express("/empty")).body, null);
  const etag = (await express("/")).headers.get("etag")!;
  const unchanged = await express("/", { headers: { "if-none-match": etag } });
  assertEquals([unchanged.status, unchanged.body], [304, null]);
  const head = await express("/", { method: "HEAD" });
  assertEquals([head.status, head.body, head.headers.get("content-length")], [200, null, "18"]);
  assertEquals((await express("/nothing")).status, 404);
});

Deno.test("Express parses JSON, forms and multipart uploads", async () => {
  assertEquals(await (await express("/json", json({ x: ["ä", 1] }))).json(), {
    got: { x: ["ä", 1] },
  });
  const form = await express("/form", { method: "POST", body: new URLSearchParams({ a: "b c" }) });
  assertEquals(await form.json(), { a: "b c" });
  const body = new FormData();
  body.set("field", "value");
  body.set("file", new File([new Uint8Array(300_000)], "big.bin"));
  const upload = await express("/upload", { method: "POST", body });
  assertEquals(await upload.json(), { name: "big.bin", size: 300_000, field: "value" });
});

Deno.test("Express reads a streamed upload of unknown length, and echoes one", async () => {
  const chunks = () =>
    ReadableStream.from((function* () {
      for (let i = 0; i < 64; i++) yield new Uint8Array(10_000).fill(i);
    })());
  const count = await express("/count", { method: "POST", body: chunks() });
  assertEquals(await count.text(), "640000");
  const echo = await (await express("/echo", { method: "POST", body: chunks() })).bytes();
  assertEquals([echo.length, echo[0], echo.at(-1)], [640_000, 0, 63]);
});

Deno.test("Express pipes streams and files into its response", async () => {
  assertEquals((await (await express("/stream")).text()).split("\n").length, 101);
  const source = new URL("../../apps/express5.js", import.meta.url);
  assertEquals(await (await express("/file")).text(), await Deno.readTextFile(source));
});

Deno.test("Express serves files, and ranges of them", async () => {
  const part = await express("/files/express5.js", { headers: { range: "bytes=0-9" } });
  const source = await Deno.readTextFile(new URL("../../apps/express5.js", import.meta.url));
  assertEquals([part.status, await part.text()], [206, source.slice(0, 10)]);
  assertMatch(part.headers.get("content-range")!, /^bytes 0-9\//);
  const beyond = await express("/files/express5.js", { headers: { range: "bytes=9999999-" } });
  assertEquals(beyond.status, 416);
});

Deno.test("Express compresses", async () => {
  const response = await express("/compressed", { headers: { "accept-encoding": "gzip" } });
  assertEquals(response.headers.get("content-encoding"), "gzip");
  const plain = response.body!.pipeThrough(new DecompressionStream("gzip"));
  assertEquals(await new Response(plain).text(), "squeeze ".repeat(1000));
});

Deno.test("Express answers an error in a route, thrown or rejected, with 500", async () => {
  assertEquals((await express("/throws")).status, 500);
  assertEquals((await express("/rejects")).status, 500);
});

Deno.test("Express: a response that breaks off does not end cleanly", async () => {
  const response = await express("/breaks");
  await assertRejects(() => response.text());
});

Deno.test("Express: server-sent events flow until the client goes away", async () => {
  const response = await express("/events");
  assertEquals(response.headers.get("content-type"), "text/event-stream");
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  let seen = "";
  while (!seen.includes("data: 3\n")) seen += (await reader.read()).value;
  assert(seen.startsWith("data: 0\n\ndata: 1\n\n"));
  await reader.cancel();
  let closed: string[];
  do closed = await (await express("/closed")).json(); while (closed.length === 0);
  assertEquals(closed, ["events"]);
});

Deno.test("Express 4 is served by its default export, without a listen() of its own", async () => {
  const { ask } = await take("express4.js");
  assertEquals(await (await ask("/")).text(), "Hello from Express 4");
  assertEquals(await (await ask("/json", json([1]))).json(), { got: [1] });
});

Deno.test("Koa", async () => {
  const { ask } = await take("koa.js");
  const response = await ask("/path", { method: "DELETE" });
  assertEquals(await response.json(), { method: "DELETE", path: "/path", ip: "192.0.2.1" });
  assertEquals(response.headers.get("x-koa"), "yes");
  const failed = await ask("/throws");
  assertEquals([failed.status, await failed.text()], [418, "short and stout"]);
});

Deno.test("Fastify 5, which listens on two addresses, is taken without a warning", async () => {
  const { ask, log } = await take("fastify.js");
  assertEquals(log.length, 1);
  assertEquals(await (await ask("/")).json(), { hello: "fastify" });
  assertEquals(await (await ask("/echo", json({ a: 1 }))).json(), { got: { a: 1 } });
  assertEquals(await (await ask("/stream")).text(), "abc");
  assertEquals((await ask("/throws")).status, 500);
  assertEquals((await ask("/echo", { ...json(0), body: "{broken" })).status, 400);
});

Deno.test("Hono on its adapter for Node", async () => {
  const { ask } = await take("hono_node.js");
  assertEquals(await (await ask("/")).text(), "Hello from Hono on node:http");
  assertEquals(await (await ask("/echo", json({ a: 1 }))).json(), { got: { a: 1 } });
});
