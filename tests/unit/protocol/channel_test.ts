import { assert, assertEquals, assertRejects } from "@std/assert";
import { ControlChannel } from "../../../src/protocol/control/channel.ts";
import { parseProcToManager } from "../../../src/protocol/control/parse.ts";

const text = (value: unknown) => String(value);

/** Two ends of a connection, as a proc and its manager have them. */
async function connected(): Promise<[Deno.Conn, Deno.Conn]> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return await Promise.all([
    Deno.connect({ hostname: "127.0.0.1", port: (listener.addr as Deno.NetAddr).port }),
    listener.accept(),
  ]);
}

Deno.test("a message that no peer would take is not sent, and ends no channel", async () => {
  const [here, there] = await connected();
  const [sender, receiver] = [new ControlChannel(here, text), new ControlChannel(there, text)];
  assert(!sender.send("x".repeat(4 * 1024 * 1024)));
  assert(sender.send("short"));
  await sender.flushed();
  sender.close();
  const heard = [];
  for await (const message of receiver) heard.push(message);
  assertEquals(heard, ["short"]);
  receiver.close();
});

Deno.test("a peer that never ends its line is not listened to for ever", async () => {
  const [here, there] = await connected();
  const receiver = new ControlChannel(there, text);
  const heard = assertRejects(
    () => receiver[Symbol.asyncIterator]().next(),
    Error,
    "is longer than",
  );
  const bytes = new Uint8Array(64 * 1024).fill(120);
  const babble = async () => {
    while (await here.write(bytes) > 0);
  };
  const silenced = babble().catch(() => {});
  await heard;
  receiver.close();
  await silenced;
  here.close();
});

Deno.test("what a newer version's proc says that is not known here costs it no channel", async () => {
  const [here, there] = await connected();
  const sender = new ControlChannel(here, text);
  const receiver = new ControlChannel(there, parseProcToManager);
  sender.send({ type: "weather", sunny: true });
  sender.send({ type: "replace_me", why: "it rains", cause: "rain" });
  sender.send({ type: "w".repeat(1_000_000) });
  sender.send({ type: "ready" });
  await sender.flushed();
  sender.close();
  const heard = [];
  for await (const message of receiver) heard.push(message);
  assertEquals(heard, [
    { type: "unknown", named: "weather" },
    { type: "replace_me", why: "it rains", cause: "work" },
    { type: "unknown", named: "w".repeat(100) },
    { type: "ready" },
  ]);
  receiver.close();
});

Deno.test("what is no message at all ends the channel", async () => {
  const nonsense = ["{", "[]", "null", '{"type":7}', "{}", '{"type":"heartbeat"}'];
  for (const line of [...nonsense, '{"type":"replace_me","why":""}']) {
    const [here, there] = await connected();
    const receiver = new ControlChannel(there, parseProcToManager);
    await here.write(new TextEncoder().encode(`${line}\n{"type":"ready"}\n`));
    await assertRejects(() => receiver[Symbol.asyncIterator]().next(), Error, "", line);
    receiver.close();
    here.close();
  }
});
