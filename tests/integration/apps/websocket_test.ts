import { assert, assertEquals, assertMatch } from "@std/assert";
import { Program } from "./program.ts";
import { Client, Opcode, RawClient } from "./socket_client.ts";
import { APP, each, logged } from "./sockets.ts";

each("text and bytes come back as they are, in their order", async (program) => {
  const client = await Client.open(program.url("/echo", "ws"));
  const sent = ["", "text", "ü€😀", "x".repeat(100_000), new Uint8Array(0), new Uint8Array(70_000)];
  for (const data of sent) client.socket.send(data);
  for (const data of sent) {
    const echo = await client.next();
    if (typeof data === "string") assertEquals(echo, data);
    else assertEquals((echo as ArrayBuffer).byteLength, data.length);
  }
  const { code, reason, wasClean } = await client.close(3001, "bye");
  assertEquals([code, reason, wasClean], [3001, "bye", true]);
  assertEquals(await logged(program, 1), ["3001 bye true"]);
});

Deno.test("strings, Blobs, views and buffers are sent in their order, as they were", async () => {
  await using program = await Program.start(APP, "-w", "1");
  const client = await Client.open(program.url("/kinds", "ws"));
  const bytes = async () => [...new Uint8Array(await client.next() as ArrayBuffer)];
  assertEquals(await client.next(), "text é");
  assertEquals(new TextDecoder().decode(await client.next() as ArrayBuffer), "ablob");
  assertEquals(await bytes(), [1, 2, 3]);
  assertEquals(await bytes(), [0, 0]);
  assertEquals(await client.next(), "\ufffd");
  const { code, reason } = await client.closed;
  assertEquals([code, reason], [4000, "kinds"]);
});

each("binaryType blob gives the app Blobs", async (program) => {
  const client = await Client.open(program.url("/blob", "ws"));
  client.socket.send(new TextEncoder().encode("abc"));
  assertEquals(await client.next(), "true abc");
  await client.close();
});

Deno.test("the socket is a WebSocket, open when it says so, with its protocol", async () => {
  await using program = await Program.start(APP, "-w", "1");
  const client = await Client.open(program.url("/describe", "ws"), ["a", "b"]);
  assertEquals(client.socket.protocol, "b");
  assertEquals(JSON.parse(await client.next() as string), [
    [true, WebSocket.CONNECTING, 101],
    [WebSocket.OPEN, "b", "", "", "arraybuffer", 0, WebSocket.OPEN],
  ]);
  await client.close();
});

Deno.test("misuse throws what the standard and Deno say", async () => {
  await using program = await Program.start(APP, "-w", "1");
  const client = await Client.open(program.url("/errors", "ws"));
  assertEquals(
    await client.next(),
    "InvalidStateError Http TypeError SyntaxError TypeError",
  );
  await client.close();
});

Deno.test("sockets are spread over the threads", async () => {
  await using program = await Program.start(APP, "-w", "1", "-t", "2");
  const clients: Client[] = [];
  const counts = new Map<unknown, number>();
  for (let i = 0; i < 10; i++) {
    const client = await Client.open(program.url("/thread", "ws"));
    const thread = await client.next();
    counts.set(thread, (counts.get(thread) ?? 0) + 1);
    clients.push(client);
  }
  assertEquals([...counts.values()], [5, 5]);
  await Promise.all(clients.map((client) => client.close()));
});

each("an event handler that throws harms nobody", async (program) => {
  const client = await Client.open(program.url("/handler-throws", "ws"));
  client.socket.send("1");
  assertEquals(await client.next(), "before");
  await program.logs(/Error: in onmessage/);
  client.socket.send("2");
  assertEquals(await client.next(), "before");
  await client.close();
});

each("ping is answered, and a frame against the protocol ends the socket", async (program) => {
  using client = await RawClient.connect(program.port);
  await client.handshake("/echo");
  await client.frame(Opcode.ping, "are you there");
  assertEquals(await client.nextFrame(), {
    opcode: Opcode.pong,
    text: "are you there",
    code: "ar".charCodeAt(0) << 8 | "r".charCodeAt(0),
  });
  await client.frame(3); // an opcode that is not given out
  assertMatch((await logged(program, 1))[0]!, /^(?:1006|0) {2}false$/);
});

Deno.test("an app that sends more than its client reads learns it by bufferedAmount", async () => {
  await using program = await Program.start(APP, "-w", "1");
  const client = await Client.open(program.url("/flood?blocks=1000", "ws")); // 64 MB
  let bytes = 0;
  for (;;) {
    const message = await client.next();
    if (typeof message === "string") {
      assertMatch(message, /^most \d+$/);
      const most = Number(message.slice("most ".length));
      assert(most >= 64 * 1024 && most <= 2 ** 20 + 64 * 1024, `${most} bytes were buffered`);
      break;
    }
    bytes += (message as ArrayBuffer).byteLength;
  }
  assertEquals(bytes, 1000 * 64 * 1024);
  assertEquals((await client.closed).code, 1005);
});

Deno.test("a client that sends more than the app takes is read no further", async () => {
  await using program = await Program.start(APP, "-w", "1");
  using client = await RawClient.connect(program.port);
  const busy = await Deno.makeTempFile({ prefix: "denicorn-test-" });
  await client.handshake("/sink");
  await client.frame(Opcode.text, busy); // the thread stands still as long as the file is there
  const block = new Uint8Array(60_000);
  let sent = 0;
  const all = (async () => {
    for (; sent < 64 * 1024 * 1024; sent += block.length) await client.frame(Opcode.binary, block);
    await client.frame(Opcode.text, "how much?");
  })();
  // It stalls: the kernel's buffers and the window of the queue hold what there is.
  let stalledAt = 0;
  while (stalledAt !== sent || sent === 0) {
    stalledAt = sent;
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
  await Deno.remove(busy);
  await all;
  assertEquals(Number((await client.nextFrame())?.text), sent);
  assert(stalledAt < 32 * 1024 * 1024, `${stalledAt} bytes were read for nobody`);
});

Deno.test("a client that takes nothing for write_timeout is dropped", async () => {
  await using program = await Program.start(APP, "-w", "1", "--write-timeout", "1");
  using client = await RawClient.connect(program.port);
  await client.handshake("/flood?blocks=10000");
  // The kernel's buffers fill, the server's are not emptied, and the socket ends.
  await client.read(1);
  const probe = async () => {
    try {
      await client.frame(Opcode.ping);
      return true;
    } catch {
      return false;
    }
  };
  while (await probe()) await new Promise((resolve) => setTimeout(resolve, 50));
});

each("HTTP goes on beside sockets: a thousand of them", async (program) => {
  const clients = await Promise.all(
    Array.from({ length: 1000 }, () => Client.open(program.url("/echo", "ws"))),
  );
  for (const [i, { socket }] of clients.entries()) socket.send(`${i}`);
  const echoes = await Promise.all(clients.map((client) => client.next()));
  assertEquals(echoes, clients.map((_, i) => `${i}`));
  assertEquals((await fetch(program.url("/nothing"))).status, 404);
  await Promise.all(clients.map((client) => client.close()));
});
