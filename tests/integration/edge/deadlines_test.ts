/**
 * Clients that take their time. The deadlines here are short, and what is checked is what a client
 * sees and that it is not cut off before its time; how long after, only the patience of all tests bounds.
 */

import { assert, assertEquals } from "@std/assert";
import { sceneTest } from "../../support/scene.ts";
import { until } from "../../support/wait.ts";
import { toBytes, Wire } from "../../support/wire.ts";
import { startMirror } from "./mirror.ts";

const REQUEST = "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n";
const UPLOAD = "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n";

/** How long the server leaves the connection open from now on, milliseconds. */
async function lifetime(wire: Wire): Promise<number> {
  const from = performance.now();
  await wire.rest();
  return performance.now() - from;
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function assertAtLeast(ms: number, least: number): void {
  assert(ms >= least, `closed after ${Math.round(ms)} ms, before its time (${least} ms)`);
}

sceneTest(
  "who sends no whole head in header_timeout is cut off, others are served",
  async (scene) => {
    const server = await startMirror(scene, 1, "--header-timeout", "1", "--keep-alive", "30");
    const stalled = ["", REQUEST.slice(0, 3), REQUEST.slice(0, -2), "PRI * HTTP/2.0\r\n"];
    const lifetimes = stalled.map(async (begin) => {
      using wire = await Wire.connect(server.port);
      await wire.send(begin);
      const ms = await lifetime(wire);
      assertEquals(wire.received, "");
      return ms;
    });
    assertEquals(await server.get("/hello"), "hello");
    for (const ms of await Promise.all(lifetimes)) assertAtLeast(ms, 900);
  },
);

sceneTest("a trickle of bytes does not put header_timeout off", async (scene) => {
  const server = await startMirror(scene, 1, "--header-timeout", "1");
  using wire = await Wire.connect(server.port);
  const trickle = setInterval(() => wire.send("X").catch(() => {}), 100);
  await wire.rest();
  clearInterval(trickle);
});

sceneTest(
  "an idle connection is closed after keep_alive, one that has begun is waited for",
  async (scene) => {
    const server = await startMirror(scene, 1, "--keep-alive", "1", "--header-timeout", "3");
    using idle = await Wire.connect(server.port);
    await idle.send(REQUEST);
    await idle.response();
    assertAtLeast(await lifetime(idle), 900);

    using begun = await Wire.connect(server.port);
    await begun.send(REQUEST);
    await begun.response();
    // Later than a tick of the kernel's clock; then longer than keep_alive, shorter than header_timeout.
    await sleep(50);
    await begun.send(REQUEST.slice(0, 10));
    await sleep(2_000);
    await begun.send(REQUEST.slice(10));
    assertEquals((await begun.response())?.status, 200);

    await sleep(50);
    await begun.send(REQUEST.slice(0, 10));
    assertAtLeast(await lifetime(begun), 2_900);
  },
);

sceneTest("who sends in time is served, though the server was held up meanwhile", async (scene) => {
  // Inline, an app that spins holds up the server itself.
  const server = await startMirror(scene, 0, "--header-timeout", "1", "--keep-alive", "1");
  using fresh = await Wire.connect(server.port);
  using kept = await Wire.connect(server.port);
  using other = await Wire.connect(server.port);
  await kept.send(REQUEST);
  await kept.response();
  await other.send(REQUEST.replace("/hello", "/block"));
  await server.says(/blocks\n/);
  await Promise.all([fresh.send(REQUEST), kept.send(REQUEST)]);
  assertEquals((await other.response())?.body, "blocked");
  assertEquals((await fresh.response())?.body, "hello");
  assertEquals((await kept.response())?.body, "hello");
});

sceneTest("keep_alive: 0 and keep_alive_requests end a connection, and say so", async (scene) => {
  const none = await startMirror(scene, 1, "--keep-alive", "0");
  using only = await Wire.connect(none.port);
  await only.send(REQUEST);
  assertEquals((await only.response())?.fields.get("connection"), "close");
  assertEquals(await only.rest(), "");

  const two = await startMirror(scene, 1, "--keep-alive-requests", "2");
  using wire = await Wire.connect(two.port);
  await wire.send(REQUEST.repeat(3));
  assertEquals((await wire.response())?.fields.get("connection"), undefined);
  assertEquals((await wire.response())?.fields.get("connection"), "close");
  assertEquals(await wire.rest(), "");
});

sceneTest(
  "a body without progress is a 408, whole or in chunks, read by the app or not",
  async (scene) => {
    const server = await startMirror(scene, 1, "--body-timeout", "1");
    const uploads = [
      UPLOAD + "abc",
      UPLOAD.replace("1000", "1000000") + "abc",
      UPLOAD.replace("Content-Length: 1000", "Transfer-Encoding: chunked") + "5\r\nab",
    ];
    await Promise.all(uploads.map(async (upload) => {
      using wire = await Wire.connect(server.port);
      const from = performance.now();
      await wire.send(upload);
      assertEquals((await wire.response())?.status, 408, upload);
      assertAtLeast(performance.now() - from, 900);
      await wire.rest();
    }));
  },
);

sceneTest("a body that moves, but too slowly, is a 408", async (scene) => {
  const server = await startMirror(scene, 1, "--body-min-rate", "100000");
  using wire = await Wire.connect(server.port);
  await wire.send(UPLOAD);
  const trickle = setInterval(() => wire.send("x").catch(() => {}), 200);
  assertEquals((await wire.response())?.status, 408);
  clearInterval(trickle);
});

for (const path of ["/large", "/medium"]) {
  sceneTest(`a client that does not read ${path} is cut off after write_timeout`, async (scene) => {
    const args = ["--write-timeout", "1", "--keep-alive", "1", "-l", "debug"];
    const server = await startMirror(scene, 1, ...args);
    using wire = await Wire.connect(server.port);
    const request = REQUEST.replace("/hello", path);
    // Many small ones fill the buffers as one large one does.
    const sending = wire.send(path === "/large" ? request : request.repeat(1_000));
    await server.says(/it does not read its response/);
    await sending;
    assertEquals(await server.get("/hello"), "hello");
  });
}

sceneTest("a client that reads slowly gets all of it", async (scene) => {
  const server = await startMirror(scene, 1, "--write-timeout", "1", "--keep-alive", "1");
  using wire = await Wire.connect(server.port);
  await wire.send(REQUEST.replace("/hello", "/large"));
  // Three write_timeouts, with less taken in each step than the buffers hold.
  for (let step = 0; step < 12; step++) {
    await sleep(250);
    for (let part = 0; part < 16; part++) await wire.receive();
  }
  while (wire.received.length < 64 * 1024 * 1024 && await wire.receive());
  assertEquals(wire.ended, false);
});

sceneTest("half a TLS handshake ends after handshake_timeout", async (scene) => {
  const { certfile, keyfile } = await scene.certificate();
  const tls = ["--certfile", certfile, "--keyfile", keyfile, "--handshake-timeout", "1"];
  const server = await startMirror(scene, 1, ...tls);
  for (const begin of ["", "\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03"]) {
    using wire = await Wire.connect(server.port);
    await wire.connection.write(toBytes(begin));
    assertAtLeast(await lifetime(wire), 900);
  }
});

/** An endless response, which tells another client how many bytes of it were asked for. */
const ENDLESS = `let pulled = 0;
const CHUNK = new Uint8Array(16_384);
export default {
  fetch(request) {
    if (!request.url.endsWith("/endless")) return new Response(String(pulled));
    const pull = (to) => {
      pulled += CHUNK.length;
      to.enqueue(CHUNK);
    };
    return new Response(new ReadableStream({ pull }));
  },
};
`;

for (const listener of ["reuseport", "shared"]) {
  sceneTest(`little is held for a client that does not read: ${listener}`, async (scene) => {
    const app = scene.write("app.ts", ENDLESS);
    const server = scene.run(["-b", "127.0.0.1:0", "-w", "1", "--listener", listener, app]);
    await server.ready(1);
    using wire = await Wire.connect(server.port);
    await wire.send("GET /endless HTTP/1.1\r\nHost: a\r\n\r\n");
    let [last, same] = ["0", 0];
    await until("no more is asked for", async () => {
      const now = await server.get("/pulled");
      same = now === last && now !== "0" ? same + 1 : 0;
      last = now;
      return same === 10;
    });
    // Left alone, the kernel takes 2 to 4 MB for it.
    assert(Number(last) < 1_500_000, `${last} bytes were asked for`);
  });
}
