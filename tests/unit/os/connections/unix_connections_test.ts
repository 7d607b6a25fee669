import { assert, assertEquals, assertLess, assertNotEquals } from "@std/assert";
import { libcUnavailable } from "../../../../src/os/libc.ts";
import {
  type UnixConnection,
  UnixConnections,
} from "../../../../src/os/connections/unix_connections.ts";
import { until } from "../../../support/wait.ts";

const ignore = libcUnavailable() !== null;

/** So many that to look at each would show. */
const HELD = 200;

interface Pair extends Disposable {
  readonly client: Deno.Conn;
  readonly server: Deno.Conn;
  readonly found: UnixConnection | null;
  /** Closes the client's side, once. */
  leave(): void;
}

async function listening(
  play: (connect: () => Promise<Pair>, path: string, known: UnixConnections) => Promise<void>,
) {
  const directory = Deno.makeTempDirSync();
  const path = `${directory}/s`;
  const connections = new UnixConnections();
  try {
    using listener = Deno.listen({ transport: "unix", path });
    await play(
      async () => {
        const client = await Deno.connect({ transport: "unix", path });
        const server = await listener.accept();
        const found = connections.accepted(path) ?? await connections.search(path, () => true);
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
      },
      path,
      connections,
    );
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
  name: "finding an accepted unix connection takes few looks, however many are open beside it",
  ignore,
  fn: () =>
    listening(async (connect, _path, known) => {
      using held = new DisposableStack();
      for (let count = 0; count < HELD; count++) held.use(await connect());
      for (let round = 0; round < 20; round++) {
        const before = known.looks;
        using _one = await connect();
        using two = await connect();
        assert(two.found?.isOpen);
        assertLess(known.looks - before, HELD / 4);
      }
    }),
});

Deno.test({
  name:
    "a unix connection that took another's number is found when the other's end is told, or at last without",
  ignore,
  fn: async () => {
    const directory = Deno.makeTempDirSync();
    const path = `${directory}/s`;
    const known = new UnixConnections();
    using open = new DisposableStack();
    open.defer(() => Deno.removeSync(directory, { recursive: true }));
    const listener = open.use(Deno.listen({ transport: "unix", path }));
    const connect = async () => void open.use(await Deno.connect({ transport: "unix", path }));
    const held: [Deno.Conn, UnixConnection][] = [];
    for (let count = 0; count < HELD; count++) {
      await connect();
      const server = await listener.accept();
      held.push([server, known.accepted(path) ?? (await known.search(path, () => true))!]);
    }
    // Who has not been in use lately: 20, and 40.
    for (const [at, isTold] of [[20, true], [40, false]] as const) {
      await connect();
      const [server, ended] = held[at]!;
      server.close();
      await until("its number is free", () => !ended.isOpen);
      const anew = await listener.accept();
      const before = known.looks;
      assertEquals(known.accepted(path), null);
      const searched = known.search(path, () => true);
      if (isTold) known.closed(ended);
      const found = (await searched)!;
      assertEquals([found.fd, found.isOpen, ended.isOpen], [ended.fd, true, false]);
      if (isTold) assertLess(known.looks - before, HELD / 2);
      // Told late, it ends nobody else.
      known.closed(ended);
      assertEquals(found.over, false);
      held[at] = [anew, found];
    }
    for (const [server] of held) server.close();
  },
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
