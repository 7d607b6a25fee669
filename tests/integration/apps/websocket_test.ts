import { assert, assertEquals, assertMatch } from "@std/assert";
import { Program } from "./program.ts";
import { Client, Opcode, RawClient } from "./socket_client.ts";

const APP = "sockets.ts";
const MIB = 1024 * 1024;

/** Runs `test` on an instance of its own, or on all of the ways in which an app is run. */
function each(name: string, test: (program: Program) => Promise<void>, ...args: string[]): void {
  for (const [how, threads] of [["threads", "1"], ["inline", "0"]] as const) {
    Deno.test(`${name} (${how})`, async () => {
      await using program = await Program.start(APP, "-w", "1", "-t", threads, ...args);
      await test(program);
    });
  }
}

async function logOf(program: Program): Promise<string[]> {
  return await (await fetch(program.url("/log"))).json();
}

/** What the app logs: asked for until it is there. */
async function logged(program: Program, count: number): Promise<string[]> {
  const lines: string[] = [];
  while (lines.length < count) lines.push(...await logOf(program));
  return lines;
}

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

each("who leaves before the handshake is answered: the app hears of it, once", async (program) => {
  for (let i = 0; i < 3; i++) {
    using client = await RawClient.connect(program.port);
    client.handshake("/hesitant").catch(() => {});
    // The app has it, and takes its time.
    assertEquals(await logged(program, 1), ["asked"]);
  }
  assertEquals(await logged(program, 3), Array(3).fill("1006  false"));
  // Nothing is left that a stop would have to wait for.
  program.signal("SIGTERM");
  assertEquals(await program.ended(), 0);
  assertMatch(program.log, /has left/);
});

each("the handshake's response may be a copy, as frameworks make one", async (program) => {
  using raw = await RawClient.connect(program.port);
  assertMatch(await raw.handshake("/copied"), /^HTTP\/1\.1 101 [^]*x-added: 1\r\n/i);
  const client = await Client.open(program.url("/copied", "ws"));
  assertEquals(await client.next(), "open");
  await client.close();
});

each("info.completed resolves when the handshake is answered", async (program) => {
  const client = await Client.open(program.url("/completed", "ws"));
  assertEquals(await client.next(), "completed");
  await client.close();
});

each("who upgrades and then answers otherwise leaves no client waiting", async (program) => {
  for (const path of ["/regretted", "/regretted?throw"]) {
    using client = await RawClient.connect(program.port);
    // With threads: 0 the connection is the WebSocket's, and nothing else can be sent on it.
    const head = await client.handshake(path).catch(() => "");
    assertMatch(head, /^$|^HTTP\/1\.1 (?:401|500) /);
  }
  await program.logs(/GET \S*\/regretted: the app upgraded the request/);
  await program.logs(/GET \S*\/regretted failed: Error: regretted/);
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

each("a protocol that the client did not offer is the app's error", async (program) => {
  using client = await RawClient.connect(program.port);
  const head = await client.handshake("/protocol?p=chat", { "Sec-WebSocket-Protocol": "a, b" });
  assertMatch(head, /^HTTP\/1.1 400 /);
  using other = await RawClient.connect(program.port);
  const accepted = await other.handshake("/protocol?p=b", { "Sec-WebSocket-Protocol": "a, b" });
  assertMatch(accepted, /^HTTP\/1.1 101 /);
  assertMatch(accepted, /sec-websocket-protocol: b\r\n/i);
  using third = await RawClient.connect(program.port);
  const dense = await third.handshake("/protocol?p=b", { "Sec-WebSocket-Protocol": "a,b" });
  assertMatch(dense, /^HTTP\/1.1 101 [^]*sec-websocket-protocol: b\r\n/i);
  assertMatch(accepted, /sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=\r\n/i);
});

each("fields that the app adds to the handshake are sent", async (program) => {
  using client = await RawClient.connect(program.port);
  const head = await client.handshake("/headers");
  assertMatch(head, /set-cookie: a=1\r\nset-cookie: b=2\r\n/i);
  assertEquals((await client.nextFrame())?.opcode, Opcode.close);
});

each("close codes and reasons arrive at both ends", async (program) => {
  const client = await Client.open(program.url("/close?code=4001&reason=because", "ws"));
  const { code, reason, wasClean } = await client.closed;
  assertEquals([code, reason, wasClean], [4001, "because", true]);
  assertEquals(await logged(program, 1), ["4001 because true"]);
  const other = await Client.open(program.url("/close", "ws"));
  assertEquals((await other.closed).code, 1005);
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

Deno.test("an upgrade whose response the app does not return is an error in its log", async () => {
  await using program = await Program.start(APP, "-w", "1");
  using client = await RawClient.connect(program.port);
  assertMatch(await client.handshake("/not-returned?token=secret"), /^HTTP\/1.1 200 /);
  assertEquals(await logged(program, 2), [
    "error Upgrade response was not returned from callback",
    "close 1006",
  ]);
  await program.logs(
    /ERROR.* GET \/not-returned: the app upgraded the request, but returned another response/,
  );
  using other = await RawClient.connect(program.port);
  assertMatch(await other.handshake("/throws"), /^HTTP\/1.1 500 /);
  assertEquals(await logged(program, 1), ["close 1006"]);
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

each("a client that goes away without a word is closed with 1006", async (program) => {
  const client = await RawClient.connect(program.port);
  await client.handshake("/echo");
  await client.frame(Opcode.text, "hi");
  await client.nextFrame();
  client[Symbol.dispose]();
  const [line] = await logged(program, 1);
  assertMatch(line!, /^(?:1006|0) {2}false$/);
});

Deno.test("handshakes are checked before the app sees them", async () => {
  await using program = await Program.start(
    APP,
    "-w",
    "1",
    "--websocket-origins",
    "https://ok.example",
    "--websocket-origins",
    "https://*.wild.example",
  );
  const status = async (fields: Record<string, string>, method = "GET") => {
    using client = await RawClient.connect(program.port);
    const head = await client.handshake("/echo", fields, method);
    return Number(head.split(" ")[1]);
  };
  assertEquals(await status({}), 101);
  assertEquals(await status({ Upgrade: "WebSocket", Connection: "keep-alive, UPGRADE" }), 101);
  assertEquals(await status({ "Sec-WebSocket-Version": "8" }), 426);
  assertEquals(await status({ "Sec-WebSocket-Version": "" }), 426);
  assertEquals(await status({ "Sec-WebSocket-Key": "short" }), 400);
  assertEquals(await status({ "Sec-WebSocket-Key": "" }), 400);
  assertEquals(await status({}, "POST"), 400);
  assertEquals(await status({ Origin: "https://ok.example" }), 101);
  assertEquals(await status({ Origin: "https://OK.example" }), 101);
  assertEquals(await status({ Origin: "https://a.b.wild.example" }), 101);
  assertEquals(await status({ Origin: "https://wild.example" }), 403);
  assertEquals(await status({ Origin: "http://ok.example" }), 403);
  assertEquals(await status({ Origin: "https://ok.example.evil.example" }), 403);
  assertEquals(await status({ Origin: "null" }), 403);
  // No upgrade for this hop: a request like any other, which the app cannot upgrade.
  assertEquals(await status({ Connection: "keep-alive", "Sec-WebSocket-Version": "8" }), 500);
});

each(
  "WebSockets that are asked for in a list are checked too, and work",
  async (program) => {
    for (const upgrade of ["foo, websocket", "websocket,", "websocket\r\nUpgrade: foo"]) {
      const answer = async (fields: Record<string, string>) => {
        using client = await RawClient.connect(program.port);
        return (await client.handshake("/echo", { Upgrade: upgrade, ...fields })).split(" ")[1];
      };
      assertEquals(await answer({ Origin: "https://evil.example" }), "403");
      assertEquals(await answer({ "Sec-WebSocket-Version": "99" }), "426");
      assertEquals(await answer({ "Sec-WebSocket-Key": "x" }), "400");
      using client = await RawClient.connect(program.port);
      assertMatch(await client.handshake("/echo", { Upgrade: upgrade }), /^HTTP\/1.1 101 /);
      await client.frame(Opcode.text, "hi");
      assertEquals((await client.nextFrame())?.opcode, Opcode.text);
    }
  },
  "--websocket-origins",
  "https://ok.example",
);

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
