import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { libcUnavailable } from "../../../src/os/libc.ts";
import { type UnixConnection, UnixConnections } from "../../../src/os/unix_connections.ts";
import { until } from "../../support/wait.ts";

const ignore = libcUnavailable() !== null;

interface Pair extends Disposable {
  readonly client: Deno.Conn;
  readonly server: Deno.Conn;
  readonly found: UnixConnection | null;
  /** Closes the client's side, once. */
  leave(): void;
}

async function listening(play: (connect: () => Promise<Pair>, path: string) => Promise<void>) {
  const directory = Deno.makeTempDirSync();
  const path = `${directory}/s`;
  const connections = new UnixConnections();
  try {
    using listener = Deno.listen({ transport: "unix", path });
    await play(async () => {
      const client = await Deno.connect({ transport: "unix", path });
      const server = await listener.accept();
      const found = connections.accepted(path);
      let left = false;
      const leave = () => {
        if (!left) client.close();
        left = true;
      };
      return {
        client,
        server,
        found,
        leave,
        [Symbol.dispose]() {
          leave();
          server.close();
          if (found !== null) connections.closed(found);
        },
      };
    }, path);
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
}

/** Writes until it is cut. */
async function fill(connection: Deno.Conn): Promise<void> {
  const bytes = new Uint8Array(1024 * 1024);
  try {
    for (;;) await connection.write(bytes);
  } catch {
    // Closed by the test.
  }
}

Deno.test({
  name: "each accepted unix connection is found, whatever number it has got",
  ignore,
  fn: () =>
    listening(async (connect, path) => {
      using first = await connect();
      const second = await connect();
      using third = await connect();
      const fds = [first, second, third].map(({ found }) => found?.fd);
      assertEquals(new Set(fds).size, 3);
      for (const { found } of [first, second, third]) assert(found?.isOpen);

      second[Symbol.dispose]();
      await until("it is closed", () => !second.found!.isOpen);
      // The number is free, and goes to the next file that anybody opens, or connection.
      using _file = Deno.openSync(path.slice(0, path.lastIndexOf("/")));
      using fourth = await connect();
      using fifth = await connect();
      assert(fourth.found?.isOpen && fifth.found?.isOpen);
      assertEquals(new Set([first, third, fourth, fifth].map((it) => it.found!.fd)).size, 4);
      assert(!second.found!.isOpen);
    }),
});

Deno.test({
  name: "a unix connection that is found as another's is none: nobody is taken twice",
  ignore,
  fn: () =>
    listening(async (connect, path) => {
      using _one = await connect();
      const others = new UnixConnections();
      assertNotEquals(others.accepted(path), null);
      assertEquals(others.accepted(path), null);
      assertEquals(new UnixConnections().accepted(`${path}.other`), null);
    }),
});

Deno.test({
  name: "who reads nothing of a full unix connection shows no progress, from the third look on",
  ignore,
  fn: () =>
    listening(async (connect) => {
      using pair = await connect();
      const found = pair.found!;
      const filled = fill(pair.server);
      await until("it is full", () => found.look().pending);
      // As much twice, and held since.
      found.look();
      const { progress } = found.look();
      for (let look = 0; look < 10; look++) {
        await new Promise((resolve) => setTimeout(resolve, 10));
        assertEquals(found.look(), { pending: true, progress });
      }
      pair.leave();
      await filled;
    }),
});

Deno.test({
  name: "whoever reads a full unix connection shows progress at each look, though it stays full",
  ignore,
  fn: () =>
    listening(async (connect) => {
      using pair = await connect();
      const found = pair.found!;
      const filled = fill(pair.server);
      await until("it is full", () => found.look().pending);
      let last = found.look().progress;
      // Of what is read at a time the writer makes up in full, or in part, or not at all.
      const buffer = new Uint8Array(1024 * 1024);
      for (const bytes of [40_000, 80_000, 160_000, 240_000, 1_000_000]) {
        for (let look = 0; look < 10; look++) {
          for (let left = bytes; left > 0;) {
            left -= (await pair.client.read(buffer.subarray(0, left))) ?? left;
          }
          await new Promise((resolve) => setTimeout(resolve, 2));
          const { progress } = found.look();
          assertNotEquals(progress, last, `${bytes} bytes at look ${look}`);
          last = progress;
        }
      }
      pair.leave();
      await filled;
    }),
});
