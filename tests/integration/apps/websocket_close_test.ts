import { assert, assertEquals, assertMatch } from "@std/assert";
import { Client, Opcode, RawClient } from "./socket_client.ts";
import { each, logged } from "./sockets.ts";

const MIB = 1024 * 1024;

each("close codes and reasons arrive at both ends", async (program) => {
  const client = await Client.open(program.url("/close?code=4001&reason=because", "ws"));
  const { code, reason, wasClean } = await client.closed;
  assertEquals([code, reason, wasClean], [4001, "because", true]);
  assertEquals(await logged(program, 1), ["4001 because true"]);
  const other = await Client.open(program.url("/close", "ws"));
  assertEquals((await other.closed).code, 1005);
});

each("a client that goes away without a word is closed with 1006", async (program) => {
  const client = await RawClient.connect(program.port);
  await client.handshake("/echo");
  await client.frame(Opcode.text, "hi");
  await client.nextFrame();
  client[Symbol.dispose]();
  const [line] = await logged(program, 1);
  assertMatch(line!, /^(?:1006|0) {2}false$/);
});

each("a silent client is pinged, and closed with 1001 when it does not answer", async (program) => {
  using silent = await RawClient.connect(program.port);
  await silent.handshake("/idle?seconds=1");
  assertEquals((await silent.nextFrame())?.opcode, Opcode.ping);
  const close = await silent.nextFrame();
  assertEquals([close?.opcode, close?.code], [Opcode.close, 1001]);
  // Deno's own says that it is closed twice (inline).
  assertEquals((await logged(program, 2)).slice(0, 2), [
    "error No response from ping frame.",
    "close 1001 No response from ping frame.",
  ]);
  // One that answers stays. Deno's client does.
  const client = await Client.open(program.url("/idle?seconds=1", "ws"));
  const later = Date.now() + 2_500;
  const closed = await Promise.race([
    client.closed.then(() => true),
    new Promise((resolve) => setTimeout(() => resolve(false), later - Date.now())),
  ]);
  assertEquals(closed, false);
  client.socket.send("still there");
  assertEquals(await client.next(), "still there");
  await client.close();
});

each("TERM closes sockets with 1001 and waits for their answer", async (program) => {
  const client = await Client.open(program.url("/echo", "ws"));
  client.socket.send("open");
  await client.next();
  program.signal("SIGTERM");
  const { code, wasClean } = await client.closed;
  assertEquals([code, wasClean], [1001, true]);
  assertEquals(await program.ended(), 0);
});

each(
  "a socket whose app took until the drain to answer the handshake is closed like the others",
  async (program) => {
    const opening = Client.open(program.url("/unhurried", "ws"));
    assertEquals(await logged(program, 1), ["asked"]);
    program.signal("SIGTERM");
    const { code, wasClean } = await (await opening).closed;
    assertEquals([code, wasClean], [1001, true]);
    assertEquals(await program.ended(), 0);
    assert(!program.log.includes("ERROR"), program.log);
  },
);

each(
  "a client that reads slowly gets all that was sent before the close frame",
  async (program) => {
    using client = await RawClient.connect(program.port);
    await client.handshake(`/parting?count=20&bytes=${MIB}`);
    const HEAD_BYTES = 10;
    for (let i = 0; i < 20; i++) {
      assertEquals((await client.read(HEAD_BYTES + MIB)).length, HEAD_BYTES + MIB);
      // Longer than a client may take to answer a close frame, all in all.
      await new Promise((resolve) => setTimeout(resolve, 350));
    }
    const close = await client.nextFrame();
    assertEquals([close?.opcode, close?.code], [Opcode.close, 4000]);
  },
);

each("HUP closes sockets with 1012, when the new proc serves", async (program) => {
  const client = await Client.open(program.url("/echo", "ws"));
  program.signal("SIGHUP");
  const { code } = await client.closed;
  assertEquals(code, 1012);
  const again = await Client.open(program.url("/echo", "ws"));
  again.socket.send("new");
  assertEquals(await again.next(), "new");
  await again.close();
});

each(
  "a client that does not answer the close frame holds nobody up for long",
  async (program) => {
    using client = await RawClient.connect(program.port);
    await client.handshake("/echo");
    program.signal("SIGTERM");
    assertEquals((await client.nextFrame())?.code, 1001);
    assertEquals(await program.ended(), 0);
  },
  "--graceful-timeout",
  "2",
);
