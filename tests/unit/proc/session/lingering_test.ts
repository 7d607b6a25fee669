import { assertEquals, assertRejects } from "@std/assert";
import { connectionFd } from "../../../../src/deno/http.ts";
import { KeptSocket } from "../../../../src/os/connections/kept_socket.ts";
import { Lingering } from "../../../../src/proc/session/lingering.ts";
import { until } from "../../../support/wait.ts";

interface Lingerer extends Disposable {
  readonly client: Deno.Conn;
}

/** A client whose connection Deno has closed, and that has got all; the clock is at 0. */
async function linger(lingering: Lingering): Promise<Lingerer> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  const client = await Deno.connect({ hostname: "127.0.0.1", port });
  const accepted = await listener.accept();
  const keep = () => KeptSocket.of(connectionFd(accepted)!)!;
  const [kept, seen] = [keep(), keep()];
  accepted.close();
  lingering.add(kept, 0);
  await until("the end is acknowledged", () => {
    seen.hasMoved();
    return !seen.isPending;
  });
  seen.close();
  const end = () => {
    lingering.abort();
    client.close();
  };
  return { client, [Symbol.dispose]: end };
}

Deno.test("who has got all and goes on sending is waited for, but not for long", async () => {
  const lingering = new Lingering();
  using it = await linger(lingering);
  for (let now = 500; now < 5_000; now += 500) {
    await it.client.write(new Uint8Array(10));
    lingering.look(now);
    assertEquals(lingering.size, 1, `at ${now} ms`);
  }
  await it.client.write(new Uint8Array(10));
  lingering.look(5_000);
  assertEquals(lingering.size, 0);
});

Deno.test("who has got all and is silent is waited for a second", async () => {
  const lingering = new Lingering();
  using _it = await linger(lingering);
  lingering.look(100);
  lingering.look(1_000);
  assertEquals(lingering.size, 1);
  lingering.look(1_100);
  assertEquals(lingering.size, 0);
});

Deno.test("where too many are kept the oldest goes", async () => {
  const lingering = new Lingering(2);
  using first = await linger(lingering);
  using _second = await linger(lingering);
  await first.client.write(new Uint8Array(10));
  using third = await linger(lingering);
  assertEquals(lingering.size, 2);
  // What it had sent was not read: the kernel resets it at once.
  await assertRejects(() => first.client.write(new Uint8Array(10)));
  await third.client.write(new Uint8Array(10));
});
