/** Every example does what its first lines say. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { Program } from "./program.ts";
import { Client } from "./socket_client.ts";

/** Those that are tested elsewhere, and where. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  "chat.py": "../wsgi/websockets_test.ts",
  "denicorn.yaml": "../../unit/cli_test.ts",
  django: "../wsgi/django_test.ts",
  "flask_app.py": "../wsgi/flask_test.ts",
};

const tested = new Set<string>();

function example(
  file: string,
  test: (program: Program) => Promise<void>,
  ...args: string[]
): void {
  tested.add(file);
  Deno.test(`examples/${file} does what it says`, async () => {
    await using program = await Program.start(`../../examples/${file}`, "-w", "1", ...args);
    await test(program);
  });
}

const text = async (program: Program, path: string, init?: RequestInit) =>
  await (await fetch(program.url(path), init)).text();

const post = (value: unknown): RequestInit => ({
  method: "POST",
  headers: { "content-type": "application/json" },
  body: JSON.stringify(value),
});

example("hello.ts", async (program) => {
  assertEquals(await text(program, "/"), "Hello, world!\n");
});

example("hono.ts", async (program) => {
  assertEquals(await text(program, "/"), "Hello from Hono\n");
  const hello = await fetch(program.url("/hello/you"));
  assertMatch(hello.headers.get("server-timing")!, /^total;dur=/);
  assertEquals(await hello.json(), { hello: "you" });
  assertEquals(await text(program, "/sum", post([1, 2, 3.5])), '{"sum":6.5}');
  assertEquals((await fetch(program.url("/nothing"))).status, 404);
  const client = await Client.open(program.url("/echo", "ws"));
  client.socket.send("hi");
  assertEquals(await client.next(), "you said: hi");
  await client.close();
});

example(
  "express.js",
  async (program) => {
    assertEquals(await text(program, "/"), "Hello from Express\n");
    assertEquals(
      await text(program, "/json", post({ a: 1 })),
      '{"you_sent":{"a":1},"from":"127.0.0.1"}',
    );
    const body = new FormData();
    body.set("file", new File(["abc"], "abc.txt"));
    assertEquals(
      await text(program, "/upload", { method: "POST", body }),
      '{"name":"abc.txt","bytes":3}',
    );
    assertMatch(program.log, /Express is ready/);
  },
  "-t",
  "2",
);

example("fastify.js", async (program) => {
  assertEquals(await text(program, "/"), '{"hello":"Fastify"}');
  assertEquals(await text(program, "/greet", post({ name: "you" })), '{"hello":"you"}');
  assertEquals((await fetch(program.url("/greet"), post({}))).status, 400);
});

example("streaming.ts", async (program) => {
  const lines = (await text(program, "/numbers?count=25000")).split("\n");
  assertEquals([lines.length, lines[0], lines[24_999]], [25_001, "1", "25000"]);
  const abort = new AbortController();
  const clock = await fetch(program.url("/clock"), { signal: abort.signal });
  assertEquals(clock.headers.get("content-type"), "text/plain;charset=UTF-8");
  const reader = clock.body!.pipeThrough(new TextDecoderStream()).getReader();
  assertMatch((await reader.read()).value!, /^\d{4}-/);
  abort.abort();
  await program.logs(/the client is gone/);
});

example("events.ts", async (program) => {
  assertMatch(await text(program, "/"), /EventSource/);
  const events = await fetch(program.url("/events"));
  const reader = events.body!.pipeThrough(new TextDecoderStream()).getReader();
  let seen = "";
  while (!seen.includes("data: 2\n\n")) seen += (await reader.read()).value;
  assert(seen.startsWith("id: 1\ndata: 1\n\nid: 2\n"));
  await reader.cancel();
});

example("upload.ts", async (program) => {
  const body = new FormData();
  body.set("note", "hi");
  body.set("file", new File(["abc"], "abc.txt"));
  assertEquals(JSON.parse(await text(program, "/form", { method: "POST", body })), {
    note: "hi",
    file: { name: "abc.txt", bytes: 3 },
  });
  const raw = JSON.parse(await text(program, "/raw", { method: "PUT", body: "abc" }));
  assertEquals(raw.bytes, 3);
  assertMatch(raw.sha256, /^ba7816bf8f01cfea/);
});

example(
  "chat.ts",
  async (program) => {
    const members = await Promise.all(
      Array.from({ length: 8 }, () => Client.open(program.url("/chat", "ws"))),
    );
    const hear = async (member: Client, message: string) => {
      while (await member.next() !== message);
    };
    // They are in two threads, and a member when their socket is open there: who hears itself is.
    for (const [i, member] of members.entries()) {
      member.socket.send(`I am ${i}`);
      await hear(member, `I am ${i}`);
    }
    members[0]!.socket.send("hello, all");
    for (const member of members) await hear(member, "hello, all");
    members[1]!.socket.send(new Uint8Array(1));
    assertEquals((await members[1]!.closed).code, 1003);
    await Promise.all(members.map((member) => member.close()));
  },
  "-t",
  "2",
);

example("own_server.ts", async (program) => {
  assertEquals(await text(program, "/path"), "Hello, 127.0.0.1, from /path\n");
  assertMatch(program.log, new RegExp(`listening at 127.0.0.1:${program.port}`));
});

/** What Python leaves behind, and types for editors. */
const NO_EXAMPLES = new Set(["__pycache__", "typings"]);

Deno.test("every example is started by a test", () => {
  for (const [name, file] of Object.entries(ELSEWHERE)) {
    const text = Deno.readTextFileSync(new URL(file, import.meta.url));
    assert(text.includes(name.replace(/\.py$/, "")), `${file} starts ${name}`);
    tested.add(name);
  }
  const examples = [...Deno.readDirSync(new URL("../../../examples", import.meta.url))];
  assertEquals(
    examples.map(({ name }) => name).filter((name) => !tested.has(name) && !NO_EXAMPLES.has(name)),
    [],
  );
});
