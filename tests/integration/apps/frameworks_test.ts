/** Unmodified apps behind the real program: what crosses the queue, in both directions. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { Wire } from "../../support/wire.ts";
import { Program } from "./program.ts";

function each(name: string, app: string, test: (program: Program) => Promise<void>): void {
  for (const [how, threads] of [["threads", "2"], ["inline", "0"]] as const) {
    Deno.test(`${name} (${how})`, async () => {
      await using program = await Program.start(app, "-w", "1", "-t", threads);
      await test(program);
    });
  }
}

const json = (value: unknown): RequestInit => ({
  method: "POST",
  headers: { "content-type": "application/json" },
  body: JSON.stringify(value),
});

each("Express answers, and is told once where it is served", "express5.js", async (program) => {
  const response = await fetch(program.url("/"));
  assertEquals(await response.text(), "Hello from Express");
  assertEquals(response.headers.get("content-length"), "18");
  assertEquals(response.headers.get("connection"), null);
  const told = program.log.match(/The app calls listen\(\) for port 3000: denicorn serves it at/g);
  assertEquals(told?.length, 1);
  assertMatch(program.log, /express listens/);
});

each(
  "Express: the peer's address, cookies, HEAD and 304 on the wire",
  "express5.js",
  async (it) => {
    const { ip, query } = await (await fetch(it.url("/json?x=%C3%A4"))).json();
    assertEquals([ip, query], ["127.0.0.1", { x: "ä" }]);
    const cookies = await fetch(it.url("/cookies"));
    assertEquals([cookies.status, cookies.headers.getSetCookie().length], [201, 2]);
    await cookies.body?.cancel();
    const head = await fetch(it.url("/"), { method: "HEAD" });
    assertEquals([head.status, head.headers.get("content-length"), await head.text()], [
      200,
      "18",
      "",
    ]);
    const etag = head.headers.get("etag")!;
    const unchanged = await fetch(it.url("/"), { headers: { "if-none-match": etag } });
    assertEquals([unchanged.status, await unchanged.text()], [304, ""]);
  },
);

each("Express: a HEAD tells no length where the app does not", "express5.js", async (program) => {
  const head = await fetch(program.url("/stream"), { method: "HEAD" });
  assertEquals([head.status, head.headers.get("content-length"), await head.text()], [
    200,
    null,
    "",
  ]);
});

each(
  "Express takes a multipart upload, and one of 64 MiB in a stream",
  "express5.js",
  async (it) => {
    const body = new FormData();
    body.set("field", "value");
    body.set("file", new File([new Uint8Array(3_000_000)], "big.bin"));
    const upload = await fetch(it.url("/upload"), { method: "POST", body });
    assertEquals(await upload.json(), { name: "big.bin", size: 3_000_000, field: "value" });

    const chunk = new Uint8Array(64 * 1024);
    const stream = ReadableStream.from((function* () {
      for (let i = 0; i < 1024; i++) yield chunk;
    })());
    const count = await fetch(it.url("/count"), { method: "POST", body: stream });
    assertEquals(await count.text(), `${64 * 1024 * 1024}`);
  },
);

each("Express echoes a stream while it is still sent", "express5.js", async (program) => {
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  const writer = writable.getWriter();
  const sent = writer.write(new TextEncoder().encode("ping"));
  const response = await fetch(program.url("/echo"), { method: "POST", body: readable });
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  assertEquals((await reader.read()).value, "ping");
  await sent;
  const more = writer.write(new TextEncoder().encode("pong"));
  assertEquals((await reader.read()).value, "pong");
  await more;
  await writer.close();
  assertEquals((await reader.read()).done, true);
});

each("Express serves files, ranges and compressed text", "express5.js", async (program) => {
  const part = await fetch(program.url("/files/express5.js"), {
    headers: { range: "bytes=3-6" },
  });
  assertEquals([part.status, part.headers.get("content-length")], [206, "4"]);
  assertEquals((await part.text()).length, 4);
  const text = await (await fetch(program.url("/compressed"))).text(); // fetch asks for gzip
  assertEquals(text, "squeeze ".repeat(1000));
});

each("Express: events arrive one by one, and end with their client", "express5.js", async (it) => {
  const abort = new AbortController();
  const response = await fetch(it.url("/events"), { signal: abort.signal });
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  let seen = "";
  while (!seen.includes("data: 3\n")) seen += (await reader.read()).value;
  abort.abort();
  // With two threads the list may be the other one's.
  let closed: string[];
  do closed = await (await fetch(it.url("/closed"))).json(); while (closed.length === 0);
  assertEquals(closed, ["events"]);
});

each("Express: a response that breaks off is cut on the wire", "express5.js", async (program) => {
  const response = await fetch(program.url("/breaks"));
  assertEquals(response.status, 200);
  const whole = await response.text().then(() => true, () => false);
  assertEquals(whole, false);
  assertEquals(await (await fetch(program.url("/"))).text(), "Hello from Express");
});

each("Express: errors in routes are the framework's to answer", "express5.js", async (program) => {
  for (const path of ["/throws", "/rejects"]) {
    const response = await fetch(program.url(path));
    assertEquals(response.status, 500);
    await response.body?.cancel();
  }
  await program.logs(/Error: rejected in a route/);
});

each("TERM lets a slow response of Express finish", "express5.js", async (program) => {
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  const writer = writable.getWriter();
  const first = writer.write(new Uint8Array(1000));
  const response = await fetch(program.url("/echo"), { method: "POST", body: readable });
  await first;
  program.signal("SIGTERM");
  await program.logs(/(?:SIGTERM|stops|leave|drain)/i);
  const second = writer.write(new Uint8Array(234));
  const bytes = response.bytes();
  await second;
  await writer.close();
  assertEquals((await bytes).length, 1234);
  assertEquals(await program.ended(), 0);
});

each("Fastify 5 and its asynchronous start", "fastify.js", async (program) => {
  assertEquals(await (await fetch(program.url("/"))).json(), { hello: "fastify" });
  assertEquals(await (await fetch(program.url("/echo"), json({ a: [1] }))).json(), {
    got: { a: [1] },
  });
  assertEquals(await (await fetch(program.url("/stream"))).text(), "abc");
  const failed = await fetch(program.url("/throws"));
  assertEquals(failed.status, 500);
  assertEquals((await failed.json()).message, "thrown in a route");
});

each(
  "node:http: a GET can be iterated over, with the body that it has or without one",
  "plain_node.js",
  async (program) => {
    const large = "x".repeat(1_000_000);
    const chunks = `5\r\nhello\r\nf4240\r\n${large}\r\n0\r\n\r\n`;
    for (const method of ["GET", "DELETE"]) {
      const answers = [
        ["", "", [method, null, 0, ""]],
        ["Content-Length: 0\r\n", "", [method, "0", 0, ""]],
        ["Content-Length: 5\r\n", "hello", [method, "5", 5, "hello"]],
        ["Content-Length: 1000000\r\n", large, [method, "1000000", 1_000_000, "xxxxxxxxx"]],
        ["Transfer-Encoding: chunked\r\n", chunks, [method, null, 1_000_005, "helloxxxx"]],
      ] as const;
      using wire = await Wire.connect(program.port);
      for (const [field, body, expected] of answers) {
        await wire.send(`${method} /iterates HTTP/1.1\r\nHost: x\r\n${field}\r\n${body}`);
        assertEquals(JSON.parse((await wire.response())!.body), expected, field);
      }
    }
    // Nobody reads it here.
    using wire = await Wire.connect(program.port);
    await wire.send("GET /binary HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello");
    assertEquals((await wire.response())?.status, 200);
  },
);

each("Koa", "koa.js", async (program) => {
  const response = await fetch(program.url("/path"));
  assertEquals(await response.json(), { method: "GET", path: "/path", ip: "127.0.0.1" });
  assertEquals(response.headers.get("x-koa"), "yes");
});

each("Express 4, exported", "express4.js", async (program) => {
  assertEquals(await (await fetch(program.url("/"))).text(), "Hello from Express 4");
});

each("many requests at once are answered, each with its own", "express5.js", async (program) => {
  const answers = await Promise.all(
    Array.from({ length: 500 }, async (_, i) => {
      const response = await fetch(program.url("/json"), json({ i }));
      return (await response.json()).got.i;
    }),
  );
  assertEquals(answers, answers.map((_, i) => i));
  assert(answers.length === 500);
});
