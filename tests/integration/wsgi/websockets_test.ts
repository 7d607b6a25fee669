/** WebSockets of Python apps: what callbacks see, in which order, and who waits for whom. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { cpuSeconds } from "../../support/processes.ts";
import type { Running } from "../../support/running.ts";
import { sceneTest } from "../../support/scene.ts";
import { until } from "../../support/wait.ts";
import { Client, Opcode, RawClient } from "../apps/socket_client.ts";
import { type Start, startWsgi } from "./app.ts";

/** Registers a test on an app that is served by so many threads. */
function test(
  name: string,
  play: (server: Running, open: (path: string) => Promise<Client>) => Promise<void>,
  start: Start = { threads: 2 },
): void {
  sceneTest(name, async (scene) => {
    const server = await startWsgi(scene, "sockets", start);
    await play(server, (path) => Client.open(`ws://127.0.0.1:${server.port}${path}`));
  });
}

async function logged(server: Running, count: number): Promise<string[]> {
  const lines: string[] = [];
  await until(`${count} lines of the app`, async () => {
    lines.push(...JSON.parse(await server.get("/log")));
    return lines.length >= count;
  });
  return lines;
}

/** Waits until nothing is left of closed sockets in Python. */
async function allFreed(server: Running): Promise<void> {
  await until("no object of a closed socket is left", async () => {
    return await server.get("/alive") === "0";
  });
}

test("a socket tells its path, query, headers, address and subprotocol", async (server) => {
  const url = `ws://127.0.0.1:${server.port}/describe/r%C3%A9?a=1&b`;
  const client = await Client.open(url, ["else", "other"]);
  assertEquals(client.socket.protocol, "other");
  assertEquals(JSON.parse(await client.next() as string), [
    "/describe/ré",
    "a=1&b",
    navigator.userAgent,
    "none",
    true,
    "127.0.0.1",
    "other",
    false,
    null,
    "/describe/r\xc3\xa9",
  ]);
  await client.close();
});

test("the longest path has the socket; what has none is the WSGI app's", async (server, open) => {
  const client = await open("/describe/it/now");
  assertEquals(await client.next(), "the longer one");
  await client.close();
  using other = await RawClient.connect(server.port);
  assertMatch(await other.handshake("/nowhere"), /^HTTP\/1.1 404 /);
  // Upgrade without Connection asks for nothing (RFC 9110, 7.8).
  using plain = await RawClient.connect(server.port);
  assertMatch(await plain.handshake("/echo", { Connection: "" }), /^HTTP\/1.1 404 /);
  using like = await RawClient.connect(server.port);
  assertMatch(await like.handshake("/echo", { Connection: "x-upgrade" }), /^HTTP\/1.1 404 /);
});

test("handshakes that are none, or of a foreign origin, are refused", async (server) => {
  const wrong = [
    [{ "Sec-WebSocket-Version": "8" }, 426],
    [{ "Sec-WebSocket-Key": "short" }, 400],
    [{ Origin: "https://evil.example" }, 403],
    [{ Origin: "https://evil.example", Upgrade: "foo, websocket" }, 403],
    [{ Origin: "https://evil.example", Upgrade: "websocket\r\nUpgrade: foo" }, 403],
  ] as const;
  for (const [fields, status] of wrong) {
    using client = await RawClient.connect(server.port);
    assertMatch(await client.handshake("/echo", fields), new RegExp(`^HTTP/1.1 ${status} `));
  }
  for (const upgrade of ["websocket", "foo, websocket", "websocket\r\nUpgrade: foo"]) {
    using client = await RawClient.connect(server.port);
    const fields = { Origin: "https://good.example", Upgrade: upgrade };
    assertMatch(await client.handshake("/echo", fields), /^HTTP\/1.1 101 /);
    await client.frame(Opcode.text, "hi");
    assertEquals((await client.nextFrame())?.opcode, Opcode.text);
  }
}, { args: ["--websocket-origins", "https://good.example"] });

test("text is str and binary is bytes, of any length", async (_server, open) => {
  const client = await open("/kinds");
  client.socket.send("é");
  assertEquals(await client.next(), "str 1");
  client.socket.send(new Uint8Array(3));
  assertEquals(await client.next(), "bytes 3");
  client.socket.send("");
  assertEquals(await client.next(), "str 0");
  client.socket.send("x".repeat(5_000_000));
  assertEquals(await client.next(), "str 5000000");
  await client.close();
  const echo = await open("/echo");
  const text = "€😀".repeat(400_000);
  const bytes = crypto.getRandomValues(new Uint8Array(60_000));
  echo.socket.send(text);
  for (let i = 0; i < 20; i++) echo.socket.send(bytes);
  assert(await echo.next() === text);
  for (let i = 0; i < 20; i++) {
    assertEquals(new Uint8Array(await echo.next() as ArrayBuffer), bytes);
  }
  await echo.close();
});

test(
  "callbacks of a socket run one after another, in order, on any thread",
  async (server, open) => {
    const clients = await Promise.all(Array.from({ length: 8 }, () => open("/order")));
    for (let i = 0; i < 300; i++) for (const { socket } of clients) socket.send(`${i}`);
    // They hear of the end only after the last message, which is behind the others.
    for (const client of clients) assertEquals(await client.next(), "in order");
    await Promise.all(clients.map((client) => client.close()));
    assertEquals(await logged(server, 8), Array(8).fill("order 300 False"));
  },
  { threads: 4 },
);

test("what a client sends before it leaves at once is still told", async (server, open) => {
  const client = await open("/order");
  for (let i = 0; i < 50; i++) client.socket.send(`${i}`);
  await client.close();
  assertEquals(await logged(server, 1), ["order 50 False"]);
});

test("a callback that waits holds up neither other sockets nor requests", async (server, open) => {
  const waiting = await open("/wait");
  waiting.socket.send("");
  const echo = await open("/echo");
  for (let i = 0; i < 50; i++) {
    echo.socket.send(`${i}`);
    assertEquals(await echo.next(), `${i}`);
    assertEquals(await server.get("/hello"), "ok");
  }
  await server.get("/open-gate");
  assertEquals(await waiting.next(), "waited");
  await Promise.all([waiting.close(), echo.close()]);
});

test(
  "500 sockets share two threads, and requests and threads speak to all",
  async (server, open) => {
    const clients: Client[] = [];
    for (let i = 0; i < 500; i += 50) {
      clients.push(...await Promise.all(Array.from({ length: 50 }, () => open("/audience"))));
    }
    await until("all have joined", async () => await server.get("/audience") === "500");
    await server.get("/say?text=hello");
    for (const client of clients) assertEquals(await client.next(), "hello");
    // The server sleeps, and a thread that denicorn does not know wakes it.
    await server.get("/say-from-a-thread");
    for (const client of clients) assertEquals(await client.next(), "from a thread");
    const { pid } = server.procs()[0]!;
    const before = cpuSeconds(pid);
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    const used = cpuSeconds(pid) - before;
    assert(used <= 0.1, `${used} s of CPU in 2 s, with nothing to do`);
    await Promise.all(clients.map((client) => client.close(4000)));
    await until("all have left", async () => await server.get("/audience") === "0");
    assertEquals(new Set(await logged(server, 500)), new Set(["4000 "]));
    await allFreed(server);
  },
);

test(
  "what many threads send at once, and finalizers in between, arrives whole",
  async (server, open) => {
    const clients = await Promise.all(Array.from({ length: 4 }, () => open("/audience")));
    await until("all have joined", async () => await server.get("/audience") === "4");
    await server.get("/storm");
    for (const client of clients) {
      let count = 0;
      for (;;) {
        const message = await client.next();
        if (message === "calm") break;
        assert(isOfOneCharacter(message as string | ArrayBuffer));
        if (message !== "") count++;
      }
      assertEquals(count, 6 * 15 * 3);
    }
    await Promise.all(clients.map((client) => client.close()));
    await allFreed(server);
  },
);

function isOfOneCharacter(message: string | ArrayBuffer): boolean {
  if (typeof message === "string") return message === message.charAt(0).repeat(message.length);
  const bytes = new Uint8Array(message);
  return bytes.every((byte) => byte === bytes[0]);
}

test("a process that the app forks cannot send, and breaks nothing", async (server, open) => {
  const client = await open("/audience");
  await until("it has joined", async () => await server.get("/audience") === "1");
  const refused = "a forked process has no clients: they are its parent's";
  assertEquals(await server.get("/fork"), `${refused}; ${refused}`);
  assertEquals(await client.next(), "from its parent");
  await client.close();
});

test("codes and reasons arrive at both ends; wrong ones raise", async (server, open) => {
  const client = await open("/close");
  client.socket.send("4001 because é");
  const { code, reason, wasClean } = await client.closed;
  assertEquals([code, reason, wasClean], [4001, "because é", true]);
  const other = await open("/close");
  other.socket.send("1005 none");
  assertMatch(`${await other.next()}`, /a socket cannot be closed with code 1005/);
  other.socket.send(`1000 ${"x".repeat(124)}`);
  assertMatch(`${await other.next()}`, /at most 123 bytes, not 124/);
  other.socket.send("1008");
  assertEquals((await other.closed).code, 1008);
  const audience = await open("/audience");
  await audience.close(3999, "as told");
  const rude = await RawClient.connect(server.port);
  await rude.handshake("/audience");
  await until("it has joined", async () => await server.get("/audience") === "1");
  rude[Symbol.dispose]();
  assertMatch((await logged(server, 2)).join("; "), /^3999 as told; 1006 /);
});

test(
  "an exception in a callback is logged with its path, and ends its socket",
  async (server, open) => {
    const { pid } = server.procs()[0]!;
    const client = await open("/fail/%0Aforged?secret=1");
    client.socket.send("oh no");
    const { code, reason } = await client.closed;
    assertEquals([code, reason], [1011, "Internal error"]);
    await server.says(/ERROR.*on_message of the WebSocket \/fail\/%0Aforged failed: Traceback/);
    await server.says(/RuntimeError: oh no/);
    const other = await open("/fail/");
    other.socket.send("exit");
    assertEquals((await other.closed).code, 1011);
    await server.says(/SystemExit: 5/);
    const cleared = await open("/fail-cleared?secret=1");
    cleared.socket.send("");
    assertEquals((await cleared.closed).code, 1011);
    await server.says(/on_message of the WebSocket \/fail-cleared failed: [^]*bad name \\udcff/);
    const opening = await open("/fail-open");
    assertEquals((await opening.closed).code, 1011);
    // Once on_open has begun, on_close follows.
    assertEquals(await logged(server, 1), ["fail_close"]);
    await server.says(/RuntimeError: in on_close/);
    assert(!/secret/.test(server.output));
    assertEquals(server.procs()[0]!.pid, pid);
    await allFreed(server);
  },
);

test("ping is answered", async (server) => {
  using client = await RawClient.connect(server.port);
  await client.handshake("/echo");
  await client.frame(Opcode.ping, "are you there");
  assertEquals(await client.nextFrame(), {
    opcode: Opcode.pong,
    text: "are you there",
    code: 24946,
  });
});

sceneTest("examples/chat.py does what it says", async (scene) => {
  const examples = new URL("../../../examples", import.meta.url).pathname;
  const server = await startWsgi(scene, "chat:app", {
    threads: 4,
    args: ["--pythonpath", examples],
  });
  assertMatch(await server.get("/"), /<title>Chat/);
  const url = `ws://127.0.0.1:${server.port}/chat?name=`;
  const ann = await Client.open(`${url}Ann`);
  assertEquals(await ann.next(), "Ann is here");
  const bob = await Client.open(`${url}B%20b`);
  assertEquals([await ann.next(), await bob.next()], ["B b is here", "B b is here"]);
  bob.socket.send("hi");
  assertEquals([await ann.next(), await bob.next()], ["B b: hi", "B b: hi"]);
  await server.fetch("/say", { method: "POST", body: "Hello, all" });
  assertEquals([await ann.next(), await bob.next()], ["Hello, all", "Hello, all"]);
  bob.socket.send(new Uint8Array(1));
  assertEquals((await bob.closed).code, 1003);
  assertEquals(await ann.next(), "B b has left");
  await ann.close();
});
