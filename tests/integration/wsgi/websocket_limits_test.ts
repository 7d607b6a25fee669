/** WebSockets of Python apps that reach a limit: slow clients, callbacks that hang, the end of a proc. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { rssBytes } from "../../support/processes.ts";
import type { Scene } from "../../support/scene.ts";
import { sceneTest } from "../../support/scene.ts";
import { until } from "../../support/wait.ts";
import { Client, Opcode, RawClient } from "../apps/socket_client.ts";
import { type Start, startWsgi } from "./app.ts";

const MB = 1024 * 1024;

async function start(scene: Scene, options: Start = { threads: 2 }) {
  const server = await startWsgi(scene, "sockets", options);
  await server.says(/Listening at/);
  return { server, open: (path: string) => Client.open(`ws://127.0.0.1:${server.port}${path}`) };
}

sceneTest("a client that does not read fills no memory, and is dropped", async (scene) => {
  const { server } = await start(scene, { threads: 2, args: ["--write-timeout", "2"] });
  using client = await RawClient.connect(server.port);
  await client.handshake("/audience");
  await until("it has joined", async () => await server.get("/audience") === "1");
  const { pid } = server.procs()[0]!;
  const before = rssBytes(pid);
  const flood = server.get(`/flood?size=65536&total=${1000 * MB}`);
  // The sender waits without the GIL.
  assertEquals(await server.get("/hello"), "ok");
  const [sent, closed] = (await flood).split(" ");
  assertEquals(closed, "True");
  // What the kernel's buffers take, and a window.
  assert(Number(sent) < 16 * MB, `${sent} bytes were sent to nobody`);
  const grown = rssBytes(pid) - before;
  assert(grown < 32 * MB, `memory grew by ${grown / MB} MB`);
  await until("the app has heard of it", async () => await server.get("/audience") === "0");
});

sceneTest("an app can leave out clients for whom it would have to wait", async (scene) => {
  const { server } = await start(scene);
  using client = await RawClient.connect(server.port);
  await client.handshake("/audience");
  await until("it has joined", async () => await server.get("/audience") === "1");
  let sent = 0;
  await until("nothing more is taken", async () => {
    const offered = Number(await server.get("/offer"));
    sent += offered;
    return offered === 0;
  });
  // Each with a head of ten bytes (RFC 6455, 5.2).
  const bytes = sent / 65536 * (65536 + 10);
  assertEquals((await client.read(bytes)).length, bytes);
  await until("it may be sent to again", async () => Number(await server.get("/offer")) > 0);
});

sceneTest("a client that reads slowly gets everything, as fast as it reads", async (scene) => {
  const { server, open } = await start(scene);
  const client = await open("/audience");
  await until("it has joined", async () => await server.get("/audience") === "1");
  let received = 0;
  client.socket.addEventListener("message", ({ data }) => received += data.byteLength);
  assertEquals(await server.get(`/flood?size=1000000&total=${40_000_000}`), "40000000 False");
  await until("all has come", () => received === 40_000_000);
  assertEquals(await server.get(`/flood?size=1&total=3000`), "3000 False");
  await until("all has come", () => received === 40_003_000);
  await client.close();
});

sceneTest("a client whose messages the app does not take is read no further", async (scene) => {
  const { server, open } = await start(scene);
  const client = await open("/wait");
  const { pid } = server.procs()[0]!;
  const before = rssBytes(pid);
  for (let i = 0; i < 64; i++) client.socket.send(new Uint8Array(MB));
  assertEquals(await server.get("/hello"), "ok");
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  assert(client.socket.bufferedAmount > 32 * MB, "the rest waits in the client");
  const grown = rssBytes(pid) - before;
  assert(grown < 32 * MB, `memory grew by ${grown / MB} MB`);
  await server.get("/open-gate");
  for (let i = 0; i < 64; i++) assertEquals(await client.next(), "waited");
  await client.close();
});

sceneTest("a callback that hangs ends its socket, and its proc is replaced", async (scene) => {
  const { server, open } = await start(scene, { threads: 2, args: ["--timeout", "1"] });
  const client = await open("/hang");
  client.socket.send("");
  const { code, reason } = await client.closed;
  assertEquals([code, reason], [1011, "Internal error"]);
  await server.says(/WARNING.*No return within 1 s from a callback of the WebSocket \/hang/);
  await server.says(/ERROR.*Thread \d hangs/);
  await server.ready(2);
});

sceneTest(
  "a callback that is slower than timeout in all, but not once, does not hang",
  async (scene) => {
    const { server, open } = await start(scene, { threads: 1, args: ["--timeout", "1"] });
    const client = await open("/slow");
    for (let i = 0; i < 8; i++) client.socket.send("0.3");
    for (let i = 0; i < 8; i++) assertEquals(await client.next(), "slept");
    await client.close();
    assert(!/hangs|No return/.test(server.output));
  },
);

for (
  const [how, signal, code] of [["a stop", "SIGTERM", 1001], ["a reload", "SIGHUP", 1012]] as const
) {
  sceneTest(`at ${how} clients and callbacks are told ${code}`, async (scene) => {
    const { server, open } = await start(scene);
    const clients = await Promise.all(Array.from({ length: 20 }, () => open("/audience")));
    await until("all have joined", async () => await server.get("/audience") === "20");
    server.signal(signal);
    for (const client of clients) assertEquals((await client.closed).code, code);
    await server.says(new RegExp(`left ${code}`), 20);
    if (signal === "SIGHUP") await server.ready(2);
    else assertEquals((await server.end()).code, 0);
  });
}

sceneTest("the last callbacks are called before the process ends, one by one", async (scene) => {
  const { server, open } = await start(scene, { workers: 0, threads: 1 });
  const clients = await Promise.all(Array.from({ length: 10 }, () => open("/slow-to-leave")));
  for (const client of clients) assertEquals(await client.next(), "open");
  server.signal("SIGTERM");
  for (const client of clients) assertEquals((await client.closed).code, 1001);
  assertEquals((await server.end()).code, 0);
  assertEquals([...server.output.matchAll(/slowly left/g)].length, 10);
});

sceneTest("at graceful_timeout callbacks are told of the sockets that are cut", async (scene) => {
  const { server } = await start(scene, { args: ["--graceful-timeout", "1"] });
  // It never answers the close frame.
  using client = await RawClient.connect(server.port);
  await client.handshake("/audience");
  await until("it has joined", async () => await server.get("/audience") === "1");
  server.signal("SIGTERM");
  await server.says(/are cut/);
  await server.says(/left 1006/);
  assertEquals((await server.end()).code, 0);
});

sceneTest("a client that leaves before its handshake is answered leaves nothing", async (scene) => {
  const { server, open } = await start(scene, { threads: 1 });
  const slow = await open("/slow");
  slow.socket.send("1");
  // The only thread is busy, and nobody answers these.
  const hasty = await Promise.all(Array.from({ length: 5 }, () => RawClient.connect(server.port)));
  for (const client of hasty) client.handshake("/audience").catch(() => {});
  const [first, ...others] = hasty;
  for (const client of others) client[Symbol.dispose]();
  assertEquals(await slow.next(), "slept");
  // Who has stayed is answered, behind them.
  await until("it has joined", async () => await server.get("/audience") === "1");
  first![Symbol.dispose]();
  await slow.close();
  await until("no object of a socket is left", async () => await server.get("/alive") === "0");
});

sceneTest("a silent client is pinged, and closed where it does not answer", async (scene) => {
  const { server } = await start(scene, { args: ["--websocket-idle-timeout", "1"] });
  using client = await RawClient.connect(server.port);
  await client.handshake("/audience");
  assertEquals((await client.nextFrame())?.opcode, Opcode.ping);
  const frame = await client.nextFrame();
  assertEquals([frame?.opcode, frame?.code], [Opcode.close, 1001]);
  await until("the app knows", async () => {
    return /1001 /.test(JSON.parse(await server.get("/log"))[0] ?? "");
  });
});

sceneTest("with several procs each has sockets and callbacks of its own", async (scene) => {
  const { server, open } = await start(scene, { workers: 2 });
  const clients = await Promise.all(Array.from({ length: 40 }, () => open("/echo")));
  for (const [i, client] of clients.entries()) client.socket.send(`${i}`);
  for (const [i, client] of clients.entries()) assertEquals(await client.next(), `${i}`);
  await Promise.all(clients.map((client) => client.close()));
  assertMatch(await server.get("/hello"), /ok/);
});
