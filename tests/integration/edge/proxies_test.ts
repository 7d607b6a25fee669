/** Behind real proxies, with the configurations that are in deploy/. */

import { assertEquals, assertMatch } from "@std/assert";
import type { Mirrored } from "../../support/mirrored.ts";
import type { Running } from "../../support/running.ts";
import { type Scene, sceneTest } from "../../support/scene.ts";
import { hasTool, runTool } from "../../support/tools.ts";
import { until } from "../../support/wait.ts";
import { Wire } from "../../support/wire.ts";
import { haproxy, nginx } from "./fronts.ts";
import { MIRROR, startMirror } from "./mirror.ts";

/** Where the clients of these tests come from: of this machine, but not the address that is trusted. */
const CLIENT = "127.0.0.2";

/** What a client may say to be taken for somebody else. */
const LIES = [
  "X-Forwarded-For: 6.6.6.6",
  "X-Forwarded-Proto: http",
  "X-Forwarded-Host: evil.example",
  "X-Forwarded-Port: 666",
  "X-Forwarded-Ssl: off",
  "Forwarded: for=6.6.6.6;proto=http;host=evil.example",
].flatMap((field) => ["-H", field]);

async function curl(url: string, ...args: string[]): Promise<string> {
  const { output } = await runTool("curl", "-sk", "--interface", CLIENT, ...args, url);
  return output;
}

async function mirrored(url: string, ...args: string[]): Promise<Mirrored> {
  return JSON.parse(await curl(url, ...args));
}

sceneTest(
  "behind nginx an app sees the client, however that lies, with HTTP/2 and uploads",
  async (scene) => {
    const path = `${scene.directory}/app.sock`;
    const server = scene.run(["-b", `unix:${path}`, "-w", "1", "--keep-alive", "75", MIRROR]);
    await server.ready(1);
    await nginx(scene, { backend: `unix:${path}` }, async (port) => {
      const url = `https://127.0.0.1:${port}`;
      for (const version of ["--http1.1", "--http2"]) {
        const seen = await mirrored(`${url}/a?b`, version, ...LIES);
        assertEquals(seen.url, `${url}/a?b`);
        assertEquals((seen.remote as Deno.NetAddr).hostname, CLIENT);
        assertEquals(new Map(seen.fields).get("x-forwarded-for"), CLIENT);
      }
      const upload = scene.write("upload", "x".repeat(5_000_000));
      const seen = await mirrored(url, "--data-binary", `@${upload}`, "-H", "Expect:");
      assertEquals(seen.body.length, 5_000_000);

      const connection = await Deno.connectTls({
        hostname: "localhost",
        port,
        caCerts: [Deno.readTextFileSync(`${scene.directory}/localhost.pem`)],
      });
      using wire = new Wire(connection);
      await wire.send(
        "GET /socket HTTP/1.1\r\nHost: shop.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
          "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
      );
      const { status, fields } = (await wire.response())!;
      assertEquals([status, fields.get("sec-websocket-accept")], [
        101,
        "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
      ]);
      // "hi", masked with zeros.
      await wire.send("\x81\x82\0\0\0\0hi");
      while (wire.received.length < 2) await wire.receive();
      assertMatch(wire.received, /hi from https:\/\/shop\.example\/socket/);
    });
  },
  { needs: hasTool("nginx") },
);

const needs = hasTool("haproxy");

/** HAProxy as deploy/ has it, but for these changes, with mirrors behind it. */
async function behindHaproxy(
  scene: Scene,
  changes: Readonly<Record<string, string>>,
  play: (ports: { www: number; through: number }, plain: Running) => Promise<void>,
): Promise<void> {
  const plain = await startMirror(scene, 1);
  const proxied = await startMirror(scene, 1, "--proxy-protocol");
  const backends = { plain: plain.port, proxied: proxied.port };
  await haproxy(scene, { backends, changes }, (ports) => play(ports, plain));
}

sceneTest(
  "behind HAProxy an app sees the client, however that lies, and passes its checks",
  async (scene) => {
    await behindHaproxy(scene, {}, async ({ www }, plain) => {
      const url = `https://127.0.0.1:${www}`;
      for (const version of ["--http1.1", "--http2"]) {
        const seen = await mirrored(`${url}/a?b`, version, ...LIES);
        assertEquals(seen.url, `${url}/a?b`);
        assertEquals((seen.remote as Deno.NetAddr).hostname, CLIENT);
      }
      // A server that failed a check would be taken out, and this be a 503.
      const seen = async () => Number(await plain.get("/seen"));
      const before = await seen();
      await until("HAProxy checks it again", async () => await seen() > before);
      assertEquals(await curl(`${url}/hello`), "hello");
    });
  },
  { needs },
);

const SECURE_FRONT = {
  "bind :8080": "bind :8080 ssl crt /etc/haproxy/example.org.pem",
};
for (
  const [option, scheme, changes] of [
    ["send-proxy", "http", { "send-proxy-v2": "send-proxy" }],
    ["send-proxy-v2", "http", {}],
    ["send-proxy-v2-ssl", "https", { "send-proxy-v2": "send-proxy-v2-ssl", ...SECURE_FRONT }],
  ] as const
) {
  sceneTest(
    `behind HAProxy with ${option} an app sees the client and its scheme`,
    async (scene) => {
      await behindHaproxy(scene, changes, async ({ through }) => {
        const seen = await mirrored(`${scheme}://127.0.0.1:${through}/a`, ...LIES);
        assertEquals((seen.remote as Deno.NetAddr).hostname, CLIENT);
        assertEquals(seen.url, `${scheme}://127.0.0.1:${through}/a`);
        // Two requests on one connection: the header counts for both.
        const both = await curl(
          `${scheme}://127.0.0.1:${through}/hello`,
          `${scheme}://127.0.0.1:${through}/hello`,
        );
        assertEquals(both, "hellohello");
      });
    },
    { needs },
  );
}
