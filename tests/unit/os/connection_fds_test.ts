import { assert, assertEquals } from "@std/assert";
import { ConnectionFds, isConnectedTo } from "../../../src/os/connection_fds.ts";
import { libcUnavailable } from "../../../src/os/libc.ts";

const ignore = libcUnavailable() !== null;

function tcp(address: Deno.Addr) {
  const { hostname, port } = address as Deno.NetAddr;
  return { transport: "tcp", hostname, port } as const;
}

for (const hostname of ["127.0.0.1", "::1", "::"]) {
  Deno.test({
    name: `a connection accepted on ${hostname} is found by its peer, and by no other's`,
    ignore,
    async fn() {
      using listener = Deno.listen({ hostname, port: 0 });
      const to = {
        hostname: hostname === "::" ? "127.0.0.1" : hostname,
        port: tcp(listener.addr).port,
      };
      using _client = await Deno.connect(to);
      using accepted = await listener.accept();
      using _second = await Deno.connect(to);
      using other = await listener.accept();

      const fds = new ConnectionFds();
      const fd = fds.find(tcp(accepted.remoteAddr));
      assert(fd !== null);
      assert(isConnectedTo(fd!, tcp(accepted.remoteAddr)));
      assert(!isConnectedTo(fd!, tcp(other.remoteAddr)));
      assert(fds.find(tcp(other.remoteAddr)) !== fd);
    },
  });
}

Deno.test({
  name: "a connection that is closed is found no more, nor one that never was",
  ignore,
  async fn() {
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    using _client = await Deno.connect(tcp(listener.addr));
    const accepted = await listener.accept();
    const peer = tcp(accepted.remoteAddr);
    const fds = new ConnectionFds();
    const fd = fds.find(peer)!;
    accepted.close();
    assertEquals(isConnectedTo(fd, peer), false);
    assertEquals(fds.find(peer), null);
    fds.forget();
    assertEquals(fds.find(peer), null);
    assertEquals(fds.find({ ...peer, hostname: "192.0.2.1" }), null);
  },
});
