import { assert, assertEquals } from "@std/assert";
import { libcUnavailable } from "../../../../src/os/libc.ts";
import { KernelSide } from "../../../../src/proc/edge/kernel_side.ts";

/** So many that one in the midst has not been in use lately. */
const HELD = 60;
const ENDED = 25;

for (const endsMeanwhile of [false, true]) {
  Deno.test({
    name: endsMeanwhile
      ? "a unix connection that ends while its descriptor is looked for leaves no trace"
      : "of the unix connection that took another's number, and of no other, the client is cut off",
    ignore: libcUnavailable() !== null,
    fn: async () => {
      using open = new DisposableStack();
      const directory = Deno.makeTempDirSync();
      open.defer(() => Deno.removeSync(directory, { recursive: true }));
      const path = `${directory}/s`;
      const listener = open.use(Deno.listen({ transport: "unix", path }));
      const kernel = new KernelSide();
      const connect = async () => open.use(await Deno.connect({ transport: "unix", path }));
      const accept = async () => {
        const server = await listener.accept();
        await kernel.accepted(server);
        return server;
      };
      const pairs: { client: Deno.Conn; server: Deno.Conn }[] = [];
      for (let count = 0; count < HELD; count++) {
        pairs.push({ client: await connect(), server: await accept() });
      }
      assert(pairs.every(({ server }) => kernel.canCut(server)));

      const ended = pairs[ENDED]!.server;
      const client = await connect();
      ended.close();
      const server = await listener.accept();
      const sought = kernel.accepted(server);
      assert(sought instanceof Promise, "it was found at once");
      assert(!kernel.canCut(server) && !kernel.canCut(ended));
      kernel.closed(ended);
      if (endsMeanwhile) {
        server.close();
        kernel.closed(server);
        await sought;
        assert(!kernel.canCut(server));
        // Its number goes to the next, who is found there.
        pairs[ENDED] = { client: await connect(), server: await accept() };
        assert(kernel.canCut(pairs[ENDED].server));
      } else {
        await sought;
        assert(kernel.canCut(server) && !kernel.canCut(ended));
        kernel.cut(ended);
        assert(kernel.canCut(server));
        kernel.cut(server);
        assertEquals(await client.read(new Uint8Array(1)), null);
        server.close();
        pairs.splice(ENDED, 1);
      }
      for (const { client, server } of pairs) {
        await server.write(new Uint8Array([1]));
        assertEquals(await client.read(new Uint8Array(2)), 1);
        server.close();
      }
    },
  });
}
