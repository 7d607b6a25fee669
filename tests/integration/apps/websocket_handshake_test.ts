import { assertEquals, assertMatch } from "@std/assert";
import { Program } from "./program.ts";
import { Client, Opcode, RawClient } from "./socket_client.ts";
import { APP, each, logged } from "./sockets.ts";

each("who leaves before the handshake is answered: the app hears of it, once", async (program) => {
  for (let i = 0; i < 3; i++) {
    using client = await RawClient.connect(program.port);
    client.handshake("/hesitant").catch(() => {});
    // The app has it, and takes its time.
    assertEquals(await logged(program, 1), ["asked"]);
  }
  // Inline the app is told when it asks for the WebSocket.
  for (const line of await logged(program, 3)) {
    assertMatch(line, /^1006 {2}false$|^Http: Already closed$/);
  }
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
