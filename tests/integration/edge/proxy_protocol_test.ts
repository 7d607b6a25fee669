import { assert, assertEquals, assertObjectMatch } from "@std/assert";
import { sceneTest } from "../../support/scene.ts";
import { Wire } from "../../support/wire.ts";
import { ask, mirrored, startMirror } from "./mirror.ts";

const REQUEST = "GET /a HTTP/1.1\r\nHost: inner\r\n\r\n";
const V1 = "PROXY TCP4 203.0.113.9 10.0.0.1 56324 443\r\n";
const SIGNATURE = "\r\n\r\n\0\r\nQUIT\n";
const V2_ADDRESSES = "\xcb\0\x71\x09\x0a\0\0\x01\xdc\x04\x01\xbb";
const V2 = `${SIGNATURE}\x21\x11\0\x0c${V2_ADDRESSES}`;
/** With the extension that says that the client spoke TLS. */
const V2_TLS = `${SIGNATURE}\x21\x11\0\x14${V2_ADDRESSES}\x20\0\x05\x01\0\0\0\0`;
const LOCAL = `${SIGNATURE}\x20\0\0\0`;

sceneTest(
  "a PROXY header names the client, to the byte, however the network cuts it",
  async (scene) => {
    const server = await startMirror(scene, 1, "--proxy-protocol", "--access-log", "-");
    for (const header of [V1, V2]) {
      const seen = mirrored(await ask(server.port, header + REQUEST));
      assertEquals(seen.remote, { transport: "tcp", hostname: "203.0.113.9", port: 56324 });
      assertEquals(seen.url, "http://inner/a");

      using wire = await Wire.connect(server.port);
      for (const char of header + REQUEST) await wire.send(char);
      assertEquals(mirrored(await wire.response()).remote, seen.remote);
      // The header counts for the whole connection.
      await wire.send(REQUEST);
      assertEquals(mirrored(await wire.response()).remote, seen.remote);
    }
    assertEquals(mirrored(await ask(server.port, V2_TLS + REQUEST)).url, "https://inner/a");
    const local = mirrored(await ask(server.port, LOCAL + REQUEST));
    assertEquals((local.remote as Deno.NetAddr).hostname, "127.0.0.1");
    await server.says(/\n203\.0\.113\.9 - - .*"GET \/a HTTP\/1\.1" 200/, 7);
  },
);

sceneTest(
  "the client that a PROXY header names is not trusted because its proxy is",
  async (scene) => {
    const server = await startMirror(scene, 1, "--proxy-protocol");
    const forged = REQUEST.replace("\r\n\r\n", "\r\nX-Forwarded-For: 6.6.6.6\r\n\r\n");
    const seen = mirrored(await ask(server.port, V1 + forged));
    assertEquals((seen.remote as Deno.NetAddr).hostname, "203.0.113.9");
  },
);

sceneTest(
  "who has to send a PROXY header and does not is cut off, with a warning",
  async (scene) => {
    const server = await startMirror(scene, 1, "--proxy-protocol");
    for (const begin of [REQUEST, "PROXY TCP4 a b c d\r\n" + REQUEST, "\x16\x03\x01\x02\0\x01"]) {
      using wire = await Wire.connect(server.port);
      await wire.send(begin);
      assertEquals(await wire.rest(), "");
    }
    await server.says(/\[WARNING\].*does not begin with a PROXY header/, 3);
  },
);

sceneTest(
  "who is not in proxy_allow_ips speaks HTTP, and no PROXY header is believed",
  async (scene) => {
    const server = await startMirror(scene, 1, "--proxy-protocol", "--proxy-allow-ips", "10.0.0.1");
    const seen = mirrored(await ask(server.port, REQUEST));
    assertEquals((seen.remote as Deno.NetAddr).hostname, "127.0.0.1");
    assertEquals((await ask(server.port, V1 + REQUEST))?.status, 400);
  },
);

sceneTest("a PROXY header has to come within handshake_timeout", async (scene) => {
  const server = await startMirror(scene, 1, "--proxy-protocol", "--handshake-timeout", "0.5");
  for (const begin of ["", "PROXY TCP4 203.0.113.9", SIGNATURE]) {
    using wire = await Wire.connect(server.port);
    await wire.send(begin);
    const before = performance.now();
    assertEquals(await wire.rest(), "");
    assert(performance.now() - before > 400, "closed before its time");
  }
});

/** Version 2 with this length, whatever stands behind it; TCP over IPv4, unless `kind` says otherwise. */
function v2(length: number, rest: string, kind = "\x21\x11"): string {
  return `${SIGNATURE}${kind}${String.fromCharCode(length >> 8, length & 255)}${rest}`;
}

/** Extensions that mean nothing here: a virtual host (2), and one of an unknown type, empty. */
const TLVS = "\x02\0\x05hello\xe0\0\0";
const V2_TLVS = v2(12 + TLVS.length, V2_ADDRESSES + TLVS);

sceneTest(
  "a PROXY header that breaks off, at any byte, is the end of the connection",
  async (scene) => {
    const server = await startMirror(scene, 1, "--proxy-protocol");
    for (const header of [V1, V2, V2_TLVS, V2_TLS, LOCAL]) {
      await Promise.all(Array.from(header, async (_, length) => {
        using wire = await Wire.connect(server.port);
        await wire.send(header.slice(0, length));
        await (wire.connection as Deno.TcpConn).closeWrite();
        assertEquals(await wire.rest(), "", JSON.stringify(header.slice(0, length)));
      }));
    }
    assertEquals((await ask(server.port, V1 + "GET /seen HTTP/1.1\r\nHost: a\r\n\r\n"))?.body, "0");
  },
);

sceneTest("extensions of a PROXY header are passed over, dribbled or whole", async (scene) => {
  const server = await startMirror(scene, 1, "--proxy-protocol");
  const local = { transport: "tcp", hostname: "127.0.0.1" };
  const client = { transport: "tcp", hostname: "203.0.113.9", port: 56324 };
  const headers: readonly (readonly [header: string, remote: object])[] = [
    [V2_TLVS, client],
    // LOCAL: its addresses are the proxy's own business, as is what no address family is said of.
    [v2(12, V2_ADDRESSES, "\x20\x11"), local],
    [v2(12 + TLVS.length, V2_ADDRESSES + TLVS, "\x20\x11"), local],
    [v2(TLVS.length, TLVS, "\x20\0"), local],
    [v2(TLVS.length, TLVS, "\x21\0"), local],
    // As long as a header may be.
    [v2(4080, `${V2_ADDRESSES}\x04\x0f\xe1${"\0".repeat(4065)}`), client],
  ];
  for (const [header, remote] of headers) {
    for (const dribbled of [false, true]) {
      using wire = await Wire.connect(server.port);
      const parts = dribbled && header.length < 100 ? [...header] : [header];
      for (const part of [...parts, REQUEST]) await wire.send(part);
      assertObjectMatch(mirrored(await wire.response()).remote, { ...remote });
    }
  }
});

sceneTest(
  "a PROXY header that lies about its length, or comes twice, hands no request over",
  async (scene) => {
    const server = await startMirror(scene, 1, "--proxy-protocol");
    const lies = [
      // Shorter than its addresses, and so long that the request behind it would be extensions.
      v2(0, V2_ADDRESSES),
      v2(11, V2_ADDRESSES),
      v2(12 + REQUEST.length, V2_ADDRESSES),
      v2(13, V2_ADDRESSES),
      v2(4081, V2_ADDRESSES),
      v2(65_535, V2_ADDRESSES),
      // IPv6 and unix addresses are longer.
      v2(12, V2_ADDRESSES, "\x21\x21"),
      v2(12, V2_ADDRESSES, "\x21\x31"),
      // An extension longer than the header, by its length or by its own, and one cut short.
      v2(12 + 5, `${V2_ADDRESSES}\x02\0\x03hi`),
      v2(12 + 5, `${V2_ADDRESSES}\x02\xff\xffhi`),
      v2(12 + 2, `${V2_ADDRESSES}\x02\0`),
      // Other versions, commands and families.
      v2(12, V2_ADDRESSES, "\x11\x11"),
      v2(12, V2_ADDRESSES, "\x22\x11"),
      v2(12, V2_ADDRESSES, "\x21\x41"),
      v2(12, V2_ADDRESSES, "\x21\x12"),
      // Version 1: without its CR, with more than it may have, with addresses that are none.
      V1.replace("\r\n", "\n"),
      V1.replace("443", "443 "),
      V1.replace("443", "0443"),
      V1.replace("443", "65536"),
      V1.replace("203.0.113.9", "203.0.113.009"),
      V1.replace("203.0.113.9", "2001:db8::1"),
      V1.replace("TCP4", "TCP6"),
      `PROXY UNKNOWN ${"x".repeat(100)}\r\n`,
    ];
    for (const header of lies) {
      using wire = await Wire.connect(server.port);
      await wire.send(header + REQUEST);
      await (wire.connection as Deno.TcpConn).closeWrite();
      assertEquals(await wire.rest(), "", JSON.stringify(header));
    }
    // A second one is the client's own, and no HTTP.
    for (const second of [V1.replace("203.0.113.9", "6.6.6.6"), V2]) {
      using wire = await Wire.connect(server.port);
      await wire.send(V1 + second + REQUEST);
      const status = (await wire.response())?.status ?? null;
      assert(status === null || status === 400, `answered ${status} to two headers`);
    }
    assertEquals((await ask(server.port, V1 + "GET /seen HTTP/1.1\r\nHost: a\r\n\r\n"))?.body, "0");
  },
);
