import { assert, assertEquals } from "@std/assert";
import {
  ConnectionFds,
  type Ends,
  hasEnds,
} from "../../../../src/os/connections/connection_fds.ts";
import { libcUnavailable } from "../../../../src/os/libc.ts";

const ignore = libcUnavailable() !== null;

function tcp(address: Deno.Addr) {
  const { hostname, port } = address as Deno.NetAddr;
  return { transport: "tcp", hostname, port } as const;
}

function endsOf({ localAddr, remoteAddr }: Deno.Conn): Ends {
  return { local: tcp(localAddr), peer: tcp(remoteAddr) };
}

/** Connects to each port of its arguments from one and the same of its own; leaves when stdin ends. */
const FROM_ONE_PORT = `
import socket, sys
mine, held = 0, []
for port in map(int, sys.argv[1:]):
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind(("127.0.0.1", mine))
    s.connect(("127.0.0.1", port))
    mine = s.getsockname()[1]
    held.append(s)
sys.stdin.read()
`;

for (const hostname of ["127.0.0.1", "::1", "::"]) {
  Deno.test({
    name: `a connection accepted on ${hostname} is found by its ends, and by no other's`,
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
      const fd = fds.find(endsOf(accepted));
      assert(fd !== null);
      assert(hasEnds(fd!, endsOf(accepted)));
      assert(!hasEnds(fd!, endsOf(other)));
      assert(fds.find(endsOf(other)) !== fd);
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
    const ends = endsOf(accepted);
    const fds = new ConnectionFds();
    const fd = fds.find(ends)!;
    accepted.close();
    assertEquals(hasEnds(fd, ends), false);
    assertEquals(fds.find(ends), null);
    fds.forget();
    assertEquals(fds.find(ends), null);
    assertEquals(fds.find({ ...ends, peer: { ...ends.peer, hostname: "192.0.2.1" } }), null);
  },
});

Deno.test({
  name: "of two connections that a client made from one port each is found by itself",
  ignore,
  async fn() {
    using first = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    using second = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const ports = [first, second].map((listener) => String(tcp(listener.addr).port));
    await using client = new Deno.Command("python3", {
      args: ["-c", FROM_ONE_PORT, ...ports],
      stdin: "piped",
      stdout: "null",
    }).spawn();
    using one = await first.accept();
    using two = await second.accept();
    assertEquals(tcp(two.remoteAddr), tcp(one.remoteAddr));
    const fds = new ConnectionFds();
    const [a, b] = [fds.find(endsOf(one)), fds.find(endsOf(two))];
    assert(a !== null && b !== null);
    assert(a !== b);
    await client.stdin.close();
    await client.status;
  },
});
