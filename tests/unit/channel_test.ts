import { assert, assertEquals, assertRejects } from "@std/assert";
import { ControlChannel } from "../../src/protocol/channel.ts";

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
