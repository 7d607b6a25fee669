import { assertEquals, assertThrows } from "@std/assert";
import {
  decodeAddress,
  encodeAddress,
  formatAddress,
  isSameAddress,
  type SocketAddress,
} from "../../../../src/os/sockets/address.ts";
import { libcUnavailable } from "../../../../src/os/libc.ts";

const ignore = libcUnavailable() !== null;

const ADDRESSES: readonly [SocketAddress, string][] = [
  [{ transport: "tcp", hostname: "127.0.0.1", port: 8000 }, "127.0.0.1:8000"],
  [{ transport: "tcp", hostname: "::", port: 1 }, "[::]:1"],
  [{ transport: "tcp", hostname: "2001:db8::1:0:0:7", port: 65535 }, "[2001:db8::1:0:0:7]:65535"],
  [{ transport: "unix", path: "/run/app.sock" }, "unix:/run/app.sock"],
  [{ transport: "unix", path: "\0abstract" }, "unix:@abstract"],
];

for (const [address, text] of ADDRESSES) {
  Deno.test(`the address ${text} survives its sockaddr`, () => {
    const bytes = encodeAddress(address);
    assertEquals(decodeAddress(bytes, bytes.length), address);
    assertEquals(formatAddress(address), text);
  });
}

Deno.test("the bytes of a sockaddr are those of the system's headers", () => {
  assertEquals(
    [...encodeAddress({ transport: "tcp", hostname: "1.2.3.4", port: 0x1f90 })],
    [2, 0, 0x1f, 0x90, 1, 2, 3, 4, 0, 0, 0, 0, 0, 0, 0, 0],
  );
  assertEquals([...encodeAddress({ transport: "unix", path: "ab" })], [1, 0, 97, 98, 0]);
});

Deno.test("an IPv6 address is the same however it is spelt", () => {
  const long = { transport: "tcp", hostname: "0:0:0:0:0:0:0:1", port: 80 } as const;
  assertEquals(isSameAddress(long, { transport: "tcp", hostname: "::1", port: 80 }), true);
  assertEquals(isSameAddress(long, { transport: "tcp", hostname: "::1", port: 81 }), false);
  assertEquals(isSameAddress(long, { transport: "unix", path: "::1" }), false);
});

Deno.test("a link-local address has its interface's index beside it", { ignore }, () => {
  const scope = (zone: string) =>
    encodeAddress({ transport: "tcp", hostname: `fe80::1%${zone}`, port: 1 }).slice(24);
  assertEquals([...scope("7")], [7, 0, 0, 0]);
  // The loopback interface is the first one everywhere.
  assertEquals([...scope("lo")], [1, 0, 0, 0]);
  assertThrows(() => scope("nosuch0"), Error, 'no such network interface; "ip link" shows');
});

Deno.test("what is no address is refused, with what is wrong", () => {
  assertThrows(
    () => encodeAddress({ transport: "tcp", hostname: "localhost", port: 1 }),
    Error,
    '"localhost" as an IPv4 address',
  );
  assertThrows(
    () => encodeAddress({ transport: "tcp", hostname: "1:2", port: 1 }),
    Error,
    "IPv6",
  );
  assertThrows(
    () => encodeAddress({ transport: "unix", path: "/".repeat(108) }),
    Error,
    "108 bytes, the system allows 107",
  );
  assertEquals(decodeAddress(new Uint8Array([16, 0, 0, 0]), 4), null);
});
