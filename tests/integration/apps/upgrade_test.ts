/** Libraries that listen to the "upgrade" event of node:http: ws and socket.io, unmodified. */

import { assertEquals, assertMatch } from "@std/assert";
import { Program } from "./program.ts";
import { Client, RawClient } from "./socket_client.ts";

function each(name: string, test: (program: Program) => Promise<void>): void {
  for (const [how, threads] of [["threads", "1"], ["inline", "0"]] as const) {
    Deno.test(`${name} (${how})`, async () => {
      await using program = await Program.start("ws_library.js", "-w", "1", "-t", threads);
      await test(program);
    });
  }
}

async function logged(program: Program, count: number): Promise<string[]> {
  const lines: string[] = [];
  while (lines.length < count) lines.push(...await (await fetch(program.url("/log"))).json());
  return lines;
}

each("ws echoes text and bytes of any length beside an Express app", async (program) => {
  const client = await Client.open(program.url("/echo?a=1", "ws"), ["a", "b"]);
  assertEquals(client.socket.protocol, "b");
  for (const length of [0, 1, 125, 126, 65_535, 65_536, 1_000_000]) {
    client.socket.send("x".repeat(length));
    assertEquals((await client.next() as string).length, length);
    client.socket.send(new Uint8Array(length));
    assertEquals((await client.next() as ArrayBuffer).byteLength, length);
  }
  client.socket.send("ü€😀");
  assertEquals(await client.next(), "ü€😀");
  assertEquals(await (await fetch(program.url("/"))).text(), "beside sockets");
  const { code, reason, wasClean } = await client.close(3001, "bye");
  assertEquals([code, reason, wasClean], [3001, "bye", true]);
  assertEquals(await logged(program, 2), ["open /echo?a=1 127.0.0.1", "close 3001 bye"]);
});

each("ws sends at once, in fragments, pings, and closes", async (program) => {
  const client = await Client.open(program.url("/greets", "ws"));
  assertEquals(await client.next(), "welcome");
  client.socket.send("fragments");
  assertEquals(await client.next(), "one two");
  client.socket.send("ping");
  assertEquals(await client.next(), "pong are you there");
  client.socket.send("close");
  const { code, reason } = await client.closed;
  assertEquals([code, reason], [4001, "as asked"]);
});

each("ws terminates, and learns that a client is gone", async (program) => {
  const client = await Client.open(program.url("/echo", "ws"));
  client.socket.send("terminate");
  await client.closed;
  const gone = await RawClient.connect(program.port);
  assertMatch(await gone.handshake("/echo"), /x-from: ws/i);
  gone[Symbol.dispose]();
  const closes = (await logged(program, 4)).filter((line) => line.startsWith("close"));
  assertEquals(closes[0], "close 1006 ");
  assertMatch(closes[1]!, /^close (?:1006|1005) /);
});

each("an upgrade that the app refuses is a response like any other", async (program) => {
  using client = await RawClient.connect(program.port);
  const head = await client.handshake("/elsewhere");
  assertMatch(head, /^HTTP\/1.1 403 /);
  assertMatch(head, /x-why: not here/i);
  assertEquals(new TextDecoder().decode(await client.read(4)), "nope");
});

each("an upgrade that is refused as the README of ws shows it is refused so", async (program) => {
  using client = await RawClient.connect(program.port);
  assertMatch(await client.handshake("/private"), /^HTTP\/1.1 401 [^]*x-why: ask first\r\n/i);
});

each("socket.io over WebSocket", async (program) => {
  const client = await Client.open(
    program.url("/socket.io/?EIO=4&transport=websocket", "ws"),
  );
  assertMatch(await client.next() as string, /^0\{"sid":/);
  client.socket.send("40");
  assertMatch(await client.next() as string, /^40\{"sid":/);
  client.socket.send('420["echo",{"deep":[1,2]}]');
  assertEquals(await client.next(), '430[{"deep":[1,2]}]');
  await client.close();
});

each("TERM closes the sockets of ws with 1001", async (program) => {
  const client = await Client.open(program.url("/echo", "ws"));
  program.signal("SIGTERM");
  assertEquals((await client.closed).code, 1001);
  assertEquals(await program.ended(), 0);
});
