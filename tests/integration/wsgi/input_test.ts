/** wsgi.input: bodies of every size and way of coming, read by every means. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { sceneTest } from "../../support/scene.ts";
import { until } from "../../support/wait.ts";
import { Wire } from "../../support/wire.ts";
import { startWsgi, stateOf } from "./app.ts";

/** Whole, just so, streamed, and far beyond every buffer on the way. */
const SIZES = [0, 1, 64 * 1024, 64 * 1024 + 1, 1024 * 1024, 20 * 1024 * 1024];

/** Bytes that show whether any is missing, doubled or out of order. */
function pattern(size: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(size);
  for (let i = 0; i < size; i++) bytes[i] = (i * 31 + (i >> 8) * 7 + (i >> 16)) & 255;
  return bytes;
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

/** As a stream, so that its length is not announced. */
function chunked(bytes: Uint8Array<ArrayBuffer>): ReadableStream<Uint8Array<ArrayBuffer>> {
  let at = 0;
  return new ReadableStream({
    pull(controller) {
      if (at >= bytes.length) return controller.close();
      controller.enqueue(bytes.slice(at, at += 50_000));
    },
  });
}

for (const how of ["of a known length", "in chunks"]) {
  sceneTest(`bodies ${how} reach the app whole`, async (scene) => {
    const server = await startWsgi(scene);
    for (const size of SIZES) {
      const bytes = pattern(size);
      const body = how === "in chunks" ? chunked(bytes) : bytes;
      const response = await server.fetch("/echo", { method: "POST", body });
      assert(same(await response.bytes(), bytes), `${size} bytes`);
    }
  });
}

sceneTest("a GET has its body too, and the connection goes on behind it", async (scene) => {
  const server = await startWsgi(scene);
  using wire = await Wire.connect(server.port);
  for (const length of [5, 65_536, 300_000]) {
    const body = "x".repeat(length);
    const chunk = `${length.toString(16)}\r\n${body}\r\n0\r\n\r\n`;
    await wire.send(`GET /count HTTP/1.1\r\nHost: x\r\nContent-Length: ${length}\r\n\r\n${body}`);
    assertEquals((await wire.response())?.body, `${length}`);
    await wire.send(`GET /count HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n${chunk}`);
    assertEquals((await wire.response())?.body, `${length}`);
    await wire.send("GET /hello HTTP/1.1\r\nHost: x\r\n\r\n");
    assertEquals((await wire.response())?.body, "hello");
  }
});

sceneTest("a GET whose body does not come is given up like any request", async (scene) => {
  const server = await startWsgi(scene, "conformance", { args: ["--body-timeout", "1"] });
  using wire = await Wire.connect(server.port);
  await wire.send("GET /count HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhel");
  assertMatch(await wire.rest(), /^HTTP\/1\.1 408 /);
});

sceneTest("wsgiref.validate has nothing to say of wsgi.input", async (scene) => {
  const server = await startWsgi(scene, "conformance:validated");
  for (const size of [10, 200_000]) {
    const bytes = pattern(size);
    const response = await server.fetch("/echo", { method: "POST", body: bytes });
    assert(same(await response.bytes(), bytes), `${size} bytes`);
  }
  assert(!/ERROR/.test(server.output), server.output);
});

const LINES = "abcdefg\nhij\nsecond\nthird\nfourth is longer\nlast";

/** What /read-in-pieces makes of LINES and a rest of so many bytes without a line end. */
function inPieces(rest: number): unknown {
  return [
    ["abc", "defg\n", "hij\n", "second\n"],
    ["third\n", "fourth is longer\n"],
    ["last" + "x".repeat(rest)],
    0,
  ];
}

sceneTest("read, readline, readlines and iteration do as those of a file", async (scene) => {
  const server = await startWsgi(scene);
  for (const rest of [0, 100_000]) {
    const body = LINES + "x".repeat(rest);
    const response = await server.fetch("/read-in-pieces", { method: "POST", body });
    assertEquals(await response.json(), inPieces(rest));
  }
});

sceneTest("lines that lie across the pieces of a stream stay whole", async (scene) => {
  const server = await startWsgi(scene);
  const body = Array.from({ length: 40_000 }, (_, i) => `line ${i}`).join("\n");
  const response = await server.fetch("/count-lines", { method: "POST", body });
  assertEquals(await response.text(), "40000");
});

sceneTest("an upload of 512 MiB passes with flat memory", async (scene) => {
  const server = await startWsgi(scene);
  const { pid } = server.procs()[0]!;
  const size = 512 * 1024 * 1024;
  // Until its garbage is collected for the first time a proc grows with any load.
  const largest = [0, 0];
  let at = 0;
  const piece = new Uint8Array(1024 * 1024);
  const body = new ReadableStream({
    pull(controller) {
      if (at >= size) return controller.close();
      at += piece.length;
      const half = at > size / 2 ? 1 : 0;
      largest[half] = Math.max(largest[half]!, residentBytes(pid));
      controller.enqueue(piece);
    },
  });
  const response = await server.fetch("/count", {
    method: "POST",
    body,
    headers: { "content-length": String(size) },
  });
  assertEquals(await response.text(), String(size));
  const grown = Math.round((largest[1]! - largest[0]!) / 1024 / 1024);
  assert(grown < 64, `the proc has grown by ${grown} MiB in the second half`);
});

function residentBytes(pid: number): number {
  const [, pages] = Deno.readTextFileSync(`/proc/${pid}/statm`).split(" ");
  return Number(pages) * 4096;
}

sceneTest("a client that waits for 100 Continue gets it when the app reads", async (scene) => {
  const server = await startWsgi(scene);
  for (const size of [5, 100_000]) {
    using wire = await Wire.connect(server.port);
    const head = `Host: x\r\nContent-Length: ${size}\r\nExpect: 100-continue\r\n`;
    await wire.send(`POST /count HTTP/1.1\r\n${head}\r\n`);
    await until(
      "100 Continue",
      async () => /^HTTP\/1\.1 100 /.test(wire.received) || (await wire.receive(), null),
    );
    await wire.send("x".repeat(size));
    assertEquals((await wire.response())?.body, String(size));
  }
});

sceneTest("a large body that the app does not read does no harm", async (scene) => {
  const server = await startWsgi(scene);
  using wire = await Wire.connect(server.port);
  for (const size of [100_000, 5_000_000]) {
    await wire.send(`POST /ignore HTTP/1.1\r\nHost: x\r\nContent-Length: ${size}\r\n\r\n`);
    await wire.send("x".repeat(size));
    assertEquals((await wire.response())?.body, "not read");
  }
  await wire.send("GET /hello HTTP/1.1\r\nHost: x\r\n\r\n");
  assertEquals((await wire.response())?.body, "hello");
});

sceneTest("a part of a body that was left over is not taken for the next one's", async (scene) => {
  const server = await startWsgi(scene);
  for (let round = 0; round < 5; round++) {
    const partly = new Uint8Array(300_000).fill(round);
    const lines = await server.fetch("/read-in-pieces", {
      method: "POST",
      body: LINES + "x".repeat(90_000),
    });
    assertEquals(await lines.json(), inPieces(90_000));
    const ignored = await server.fetch("/ignore", { method: "POST", body: partly });
    assertEquals(await ignored.text(), "not read");
    const bytes = pattern(150_000);
    const response = await server.fetch("/echo", { method: "POST", body: bytes });
    assert(same(await response.bytes(), bytes), "another body's bytes");
  }
});

for (const chunkedToo of [false, true]) {
  const how = chunkedToo ? "in chunks" : "of a known length";
  sceneTest(`a client that leaves in the midst of its body ${how}: an exception`, async (scene) => {
    const server = await startWsgi(scene);
    const wire = await Wire.connect(server.port);
    const framing = chunkedToo ? "Transfer-Encoding: chunked" : "Content-Length: 1000000";
    await wire.send(`POST /disconnected HTTP/1.1\r\nHost: x\r\n${framing}\r\n\r\n`);
    await wire.send((chunkedToo ? "186a0\r\n" : "") + "x".repeat(100_000));
    wire.connection.close();
    const { error } = await until("the app is told", async () => {
      const state = await stateOf(server);
      return state.gone === 1 ? state : null;
    });
    assertMatch(
      String(error),
      /^ClientDisconnected: the client did not send the whole request body/,
    );
  });
}

sceneTest("a client that stops sending does not hold a thread for ever", async (scene) => {
  const server = await startWsgi(scene, "conformance", { args: ["--body-timeout", "1"] });
  using wire = await Wire.connect(server.port);
  await wire.send("POST /disconnected HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\nxxx");
  await until("the app is told", async () => (await stateOf(server)).gone === 1);
  assertMatch(await wire.rest(), /^HTTP\/1\.1 408 /);
});

/** Reads its input when all of its response is out; from the beginning, or the rest of it. */
const LATE_READER = `
import sys

def app(environ, start_response):
    body = environ["wsgi.input"]
    begun = environ["PATH_INFO"] == "/begun"
    if begun:
        body.read(10)
    start_response("200 OK", [("Content-Length", "2")])
    return late(body, begun)

def late(body, begun):
    yield b"ok"
    try:
        said = "got %d" % len(body.read())
    except ConnectionError as error:
        said = type(error).__name__
    print("late, %s: %s" % ("begun" if begun else "anew", said), file=sys.stderr, flush=True)
`;

for (const how of ["begun", "anew"]) {
  sceneTest(
    `an app that reads on after its response, ${how}, is told that the rest is gone`,
    async (scene) => {
      scene.write("late.py", LATE_READER);
      const server = await startWsgi(scene, "late:app", { args: ["--chdir", scene.directory] });
      for (let round = 1; round <= 3; round++) {
        using wire = await Wire.connect(server.port);
        const head = `POST /${how} HTTP/1.1\r\nHost: x\r\nContent-Length: 3000000\r\n\r\n`;
        await wire.send(head + "x".repeat(100_000));
        assertEquals((await wire.response())?.body, "ok");
        await server.says(new RegExp(`late, ${how}: ClientDisconnected`), round);
      }
      // The only thread is free again.
      assertEquals(await server.get("/anything"), "ok");
    },
  );
}
