/** Apps that were written for yimmo-wsgi, with its module of WebSockets. */

import { assertEquals, assertMatch } from "@std/assert";
import { type Scene, sceneTest } from "../../support/scene.ts";
import { until } from "../../support/wait.ts";
import { Client, RawClient } from "../apps/socket_client.ts";
import { startWsgi } from "./app.ts";

async function start(scene: Scene) {
  const server = await startWsgi(scene, "for_yimmo", { threads: 2 });
  const open = () => Client.open(`ws://127.0.0.1:${server.port}/any/path`);
  const seen = async (count: number) => {
    const all: string[] = [];
    await until(`${count} callbacks`, async () => {
      all.push(...JSON.parse(await server.get("/seen")));
      return all.length >= count;
    });
    return all;
  };
  return { server, open, seen };
}

sceneTest("an app written for yimmo-wsgi gets bytes and flags, on every path", async (scene) => {
  const { open, seen } = await start(scene);
  const client = await open();
  assertEquals(await client.next(), "welcome");
  client.socket.send("text é");
  assertEquals(await client.next(), "text é");
  client.socket.send(new Uint8Array([1, 2, 255]));
  assertEquals([...new Uint8Array(await client.next() as ArrayBuffer)], [1, 2, 255]);
  assertEquals((await client.close(3000)).code, 3000);
  assertEquals(await seen(4), ["open", "bytes 7 129", "bytes 3 130", "close"]);
});

sceneTest("frames without the flag FIN are one message", async (scene) => {
  const { open } = await start(scene);
  const client = await open();
  await client.next();
  client.socket.send("fragments");
  assertEquals(await client.next(), "één message");
  client.socket.send("errors");
  assertEquals(
    await client.next(),
    "TypeError TypeError UnicodeDecodeError ValueError ValueError",
  );
  client.socket.send("close");
  assertEquals((await client.closed).code, 1000);
});

sceneTest("a callback that returns neither None nor 0 has its socket closed", async (scene) => {
  const { server, open, seen } = await start(scene);
  for (const word of ["refuse", "odd"]) {
    const client = await open();
    await client.next();
    client.socket.send(word);
    assertEquals((await client.closed).code, 1011);
  }
  assertEquals((await seen(6)).filter((it) => it === "close").length, 2);
  await server.says(/WARNING.*on_message of the WebSocket \/any\/path returned 71/);
  await server.says(/WARNING.*on_message of the WebSocket \/any\/path returned 'odd'/);
});

sceneTest("the module yimmo has what yimmo-wsgi's has", async (scene) => {
  const { server } = await start(scene);
  assertEquals(JSON.parse(await server.get("/module")), {
    YMO_WS_FLAG_FIN: 0x80,
    YMO_WS_FLAG_MASKED: 0x80,
    YMO_WS_FLAG_RSV1: 0x40,
    YMO_WS_FLAG_RSV2: 0x20,
    YMO_WS_FLAG_RSV3: 0x10,
    YMO_WS_MASK_LEN: 0x7f,
    YMO_WS_MASK_OP: 0x0f,
    YMO_WS_OP_BINARY: 2,
    YMO_WS_OP_CLOSE: 8,
    YMO_WS_OP_CONTINUATION: 0,
    YMO_WS_OP_PING: 9,
    YMO_WS_OP_PONG: 10,
    YMO_WS_OP_TEXT: 1,
    context: true,
    methods: [true, true, true, true, true],
  });
  const response = await server.fetch("/body", { method: "POST", body: "one\ntwo" });
  assertEquals(await response.json(), ["one\n", "two"]);
});

sceneTest("where an app wants no WebSockets, a handshake is a request", async (scene) => {
  const server = await startWsgi(scene, "conformance");
  using client = await RawClient.connect(server.port);
  assertMatch(await client.handshake("/hello"), /^HTTP\/1.1 200 /);
  using other = await RawClient.connect(server.port);
  assertMatch(await other.handshake("/none"), /^HTTP\/1.1 404 /);
});
