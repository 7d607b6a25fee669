/** What an app may do unawares to its environ, to the log, and in its blocks: none of it harms the server. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { sceneTest } from "../../support/scene.ts";
import { Wire } from "../../support/wire.ts";
import { startWsgi } from "./app.ts";

sceneTest("an error whose text is no Unicode is logged, and its iterable closed", async (scene) => {
  const server = await startWsgi(scene, "mistakes");
  assertEquals((await server.fetch("/surrogate")).status, 500);
  await server.says(/GET \/surrogate failed: Traceback[^]*?ValueError: bad file \\udcff\n/);
  await server.says(/closed after 'bad file \\udcff'\n/);
  assertEquals(await server.get("/surrogate-logged"), "logged");
  await server.says(/name \\udcff\n/);
});

sceneTest("an app that clears its environ and fails is logged, and closed", async (scene) => {
  const server = await startWsgi(scene, "mistakes");
  assertEquals((await server.fetch("/cleared")).status, 500);
  await server.says(/GET \/cleared failed: Traceback[^]*?ValueError: after a clearing\n/);
  await server.says(/closed after 'after a clearing'\n/);
});

sceneTest(
  "whether a response has a body is the client's to say, not the environ's",
  async (scene) => {
    const server = await startWsgi(scene, "mistakes");
    using wire = await Wire.connect(server.port);
    await wire.send("GET /to-head HTTP/1.1\r\nHost: x\r\n\r\n");
    assertEquals((await wire.response())?.body, "whole");
    await wire.send("HEAD /to-get HTTP/1.1\r\nHost: x\r\n\r\n");
    assertEquals((await wire.response({ head: true }))?.status, 200);
    await wire.send("GET /to-head HTTP/1.1\r\nHost: x\r\n\r\n");
    assertEquals((await wire.response())?.body, "whole");
  },
);

sceneTest("a failure is logged once, with nothing of the server's own", async (scene) => {
  const server = await startWsgi(scene);
  await (await server.fetch("/fail-midway")).text().catch(() => {});
  assertEquals(await server.get("/hello"), "hello");
  assertEquals(server.output.match(/ERROR/g)?.length, 1, server.output);
});

sceneTest("a line without an end is logged when its exchange ends", async (scene) => {
  const server = await startWsgi(scene, "mistakes");
  assertEquals(await server.get("/unfinished-line"), "answered");
  await server.says(/\[ERROR\] \[proc 1\] half a line\n/);
  assertEquals(await server.get("/unfinished-lines"), "answered");
  await server.says(/\[ERROR\] \[proc 1\] one line in two writes\n/);
});

sceneTest("a line without an end does not grow without one", async (scene) => {
  const server = await startWsgi(scene, "mistakes");
  assertEquals(await server.get("/endless-line"), "answered");
  await server.says(/\[ERROR\] \[proc 1\] x*end\n/);
  const pieces = [...server.output.matchAll(/\[proc 1\] (x+)/g)].map(([, text]) => text!.length);
  assertEquals(pieces.reduce((sum, length) => sum + length), 100_000);
  assert(Math.max(...pieces) < 10_000, `pieces of ${pieces}`);
});

sceneTest("what an environ holds is let go of when the response is sent", async (scene) => {
  const server = await startWsgi(scene, "mistakes");
  assertEquals(await server.get("/watched"), "answered");
  await server.says(/let go of\n/);
});

sceneTest("a head that is too large is refused, and the largest goes out", async (scene) => {
  const server = await startWsgi(scene, "mistakes", { args: ["--timeout", "5"] });
  for (const length of [1_100_000, 131_072]) {
    assertEquals((await server.fetch(`/large-head?${length}`)).status, 500);
    await server.says(/ValueError: the head of the response has \d+ characters: at most 131072/);
  }
  for (let i = 0; i < 5; i++) {
    using wire = await Wire.connect(server.port);
    await wire.send("GET /large-head?131000 HTTP/1.1\r\nHost: x\r\n\r\n");
    const response = await wire.response();
    assertEquals(response?.fields.get("x-large")?.length, 131_000);
    assertEquals(response?.body.length, 131_072);
  }
});

for (
  const [path, kind] of Object.entries({
    "/yields-none": "NoneType",
    "/yields-empty-text": "str",
    "/yields-zero": "int",
    "/yields-bytearray": "bytearray",
    "/lists-text": "str",
    "/lists-none": "NoneType",
    "/lists-bytearray": "bytearray",
  })
) {
  sceneTest(`what is not of type bytes is refused: ${path}`, async (scene) => {
    const server = await startWsgi(scene, "mistakes");
    const response = await server.fetch(path);
    assertEquals([response.status, await response.text()], [500, "Internal Server Error\n"]);
    await server.says(new RegExp(`TypeError: the app's iterable must yield bytes, not ${kind}\n`));
  });
}

sceneTest("next() takes a line of wsgi.input, whether it is streamed or not", async (scene) => {
  const server = await startWsgi(scene, "mistakes");
  for (const length of [10, 100_000]) {
    const body = "x".repeat(length - 1) + "\n" + "y\n".repeat(9);
    const ask = async (path: string) =>
      await (await server.fetch(path, { method: "POST", body })).text();
    assertEquals(await ask("/next-line"), `${length}`);
    assertEquals(await ask("/lines"), "10");
  }
});

for (
  const [what, length] of Object.entries({ "no body": 0, "a body": 5, "a large one": 300_000 })
) {
  sceneTest(
    `205 leaves no client waiting for its body, after a request with ${what}`,
    async (scene) => {
      const server = await startWsgi(scene, "mistakes");
      using wire = await Wire.connect(server.port);
      const head = `POST /reset HTTP/1.1\r\nHost: x\r\nContent-Length: ${length}\r\n\r\n`;
      await wire.send(head + "x".repeat(length));
      // It has no length, so that its end is that of the connection.
      assertMatch(await wire.rest(), /^HTTP\/1\.1 205 [^]*connection: close\r\n[^]*\r\n\r\n$/);
    },
  );
}
