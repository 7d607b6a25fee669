/** Exchanges that are used from other threads than their own: helpers, pools, event loops. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import type { Running } from "../../support/running.ts";
import { sceneTest } from "../../support/scene.ts";
import { until } from "../../support/wait.ts";
import { Wire } from "../../support/wire.ts";
import { hasPackage } from "../../unit/python/packages.ts";
import { startWsgi } from "./app.ts";

const BLOCK = Uint8Array.from({ length: 65_536 }, (_, i) => i % 256);

function bytesOf(length: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(length).map((_, i) => i * 7 + (i >> 10));
}

async function digestOf(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return `${bytes.length} ${digest.toHex()}`;
}

async function post(server: Running, path: string, body: BodyInit): Promise<string> {
  const response = await server.fetch(path, { method: "POST", body });
  const text = await response.text();
  assertEquals(response.status, 200, `${path}: ${text}\n${server.output}`);
  return text;
}

sceneTest("write() works from another thread, with and without this one", async (scene) => {
  const server = await startWsgi(scene, "guests");
  // The head is new to the server, then known; one block ends at once, many wait for credit.
  for (const count of [1, 1, 100, -100, -2, 1]) {
    const response = await server.fetch(`/write?${count}`);
    const body = new Uint8Array(await response.arrayBuffer());
    assertEquals(response.headers.get("content-type"), "application/octet-stream");
    assertEquals(body.length, Math.abs(count) * BLOCK.length);
    for (let at = 0; at < body.length; at += BLOCK.length) {
      assertEquals(body.subarray(at, at + BLOCK.length), BLOCK);
    }
  }
});

sceneTest(
  "another thread's write() keeps to the length, and to what has no body",
  async (scene) => {
    const server = await startWsgi(scene, "guests");
    using wire = await Wire.connect(server.port);
    const get = (path: string) => wire.send(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
    await get("/write_short?7");
    assertEquals((await wire.response())?.body, "1234567");
    await server.says(/WARNING.*the body is longer than its Content-Length: the rest is dropped/);
    await get("/write_bodiless");
    assertEquals((await wire.response())?.status, 204);
    await server.says(/WARNING.*a response 204 has no body: it is dropped/);
    await get("/write_short?10");
    assertEquals((await wire.response())?.body, "1234567890");
    await get("/write_short?11");
    assertEquals(await wire.response(), null, "the connection is cut");
  },
);

sceneTest(
  "another thread's write() waits for its client, and hears that it left",
  async (scene) => {
    const server = await startWsgi(scene, "guests", { threads: 2 });
    const wire = await Wire.connect(server.port);
    await wire.send("GET /write_endlessly HTTP/1.1\r\nHost: localhost\r\n\r\n");
    for (let taken = 0; taken < 20_000_000; wire.received = "") {
      await wire.receive();
      taken += wire.received.length;
    }
    wire.connection.close();
    await until(
      "it fails",
      async () => await server.get("/tell_failures") === "ClientDisconnected",
    );
    assertEquals(await server.get("/in_map"), "328350");
  },
);

sceneTest("a streamed body is read by any thread, and by several in turn", async (scene) => {
  const server = await startWsgi(scene, "guests");
  for (const size of [10, 70_000, 5_000_000]) {
    const bytes = bytesOf(size);
    const digest = await digestOf(bytes);
    for (const path of ["/read", "/alternate", "/in_loop", "/read_here"]) {
      assertEquals(await post(server, path, bytes), digest, path);
      // Of unknown length.
      assertEquals(await post(server, path, new Blob([bytes]).stream()), digest, path);
    }
  }
});

sceneTest("another thread that reads hears that its client left", async (scene) => {
  const server = await startWsgi(scene, "guests", { threads: 2 });
  const wire = await Wire.connect(server.port);
  const head = "POST /read_broken HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n";
  await wire.send(head + "x".repeat(100_000));
  wire.connection.close();
  await until("it fails", async () => await server.get("/tell_failures") === "ClientDisconnected");
});

sceneTest("what belongs to an exchange that is over is no other one's", async (scene) => {
  const server = await startWsgi(scene, "guests");
  assertEquals(await post(server, "/keep", bytesOf(100_000)), "kept");
  const answers = await post(server, "/use_kept", bytesOf(200_000));
  const [here, elsewhere, written, writtenElsewhere] = answers.split("\n");
  const over = /^RuntimeError: the request is over: its wsgi.input can no longer be used$/;
  for (const text of [here, elsewhere]) assertMatch(text!, over);
  for (const text of [written, writtenElsewhere]) assert(!text!.includes("into"), text);
  assertEquals(await post(server, "/read", bytesOf(100_000)), await digestOf(bytesOf(100_000)));
});

sceneTest("threads that log disturb nobody, and no line is lost", async (scene) => {
  const server = await startWsgi(scene, "guests", { threads: 2 });
  const rounds = 300;
  const [one, other] = await Promise.all(
    [1, 2].map(async () =>
      (await (await server.fetch(`/crowd?${rounds}`)).arrayBuffer()).byteLength
    ),
  );
  assertEquals([one, other], [rounds * BLOCK.length, rounds * BLOCK.length]);
  for (let who = 0; who < 4; who++) {
    await server.says(new RegExp(`crowd ${who} says ${rounds - 1}\n`));
  }
  await until(
    "all has been said",
    () =>
      server.output.match(/crowd \d says \d+\n/g)?.length === 2 * 4 * rounds &&
      server.output.match(/ERROR.*the stream goes on\n/g)?.length === 2 * rounds,
  );
});

sceneTest("finalizers that want a lock stop nobody who logs under it", async (scene) => {
  const server = await startWsgi(scene, "guests");
  assertEquals(await server.get("/finalize?2000"), "True");
  await server.says(/guest 1999\n/);
  await server.says(/own 1999\n/);
});

sceneTest("the garbage collector stands still where others wait for a guest", async (scene) => {
  const server = await startWsgi(scene, "guests");
  using wire = await Wire.connect(server.port);
  const length = 20 * BLOCK.length;
  await wire.send(`POST /collect_nowhere HTTP/1.1\r\nHost: x\r\nContent-Length: ${length}\r\n\r\n`);
  // Each block is sent when the one before has been read: so the guest waits for it.
  for (let i = 1; i <= 20; i++) {
    await wire.send("x".repeat(BLOCK.length));
    while (wire.received.split("read;").length <= i) assert(await wire.receive());
  }
  while (!wire.received.endsWith("\r\n0\r\n\r\n")) assert(await wire.receive());
  assertMatch(wire.received, /[;\n]0 1\r\n0\r\n\r\n$/, "never seen there, and on again");
  assertEquals(await post(server, "/keep_still", bytesOf(100_000)), "False");
});

sceneTest("a guest for whom no thread can be started leaves nothing locked", async (scene) => {
  const server = await startWsgi(scene, "guests");
  assertEquals(await server.get("/start_no_thread"), "can't start new thread, then 1");
});

sceneTest("who logs waits for nobody for ever", async (scene) => {
  const server = await startWsgi(scene, "guests");
  await server.get("/log_while_sending");
  await server.says(/\nlogged all the same\n/);
  assertEquals(await server.get("/in_map"), "328350");
});

sceneTest("a thread that was started by the import logs whenever it likes", async (scene) => {
  const server = await startWsgi(scene, "guests");
  await post(server, "/keep", "x");
  await server.says(/\[ERROR\].*from a thread of the import/);
});

for (const [framework, app] of [["Flask", "async_flask"], ["Django", "async_django"]] as const) {
  const needs = hasPackage(`${framework.toLowerCase()}, asgiref`);
  sceneTest(`${framework}: async views read bodies of any size`, async (scene) => {
    const server = await startWsgi(scene, app, { threads: 2 });
    for (const size of [1_000, 100_000, 20_000_000]) {
      const sizes = await Promise.all([1, 2].map(() => post(server, "/upload", bytesOf(size))));
      assertEquals(sizes, [`${size}`, `${size}`]);
    }
    if (framework === "Flask") return;
    const form = new FormData();
    form.append("file", new Blob([bytesOf(10_000_000)]), "large.bin");
    assertEquals(await post(server, "/file", form), "large.bin 10000000");
  }, { needs });
}
