import { assert, assertEquals } from "@std/assert";
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
