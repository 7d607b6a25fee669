/** Behind real proxies, with the configurations that are in deploy/. */

import { assertEquals, assertMatch } from "@std/assert";
import type { Mirrored } from "../../support/mirrored.ts";
import { type Scene, sceneTest } from "../../support/scene.ts";
import { hasTool, runTool } from "../../support/tools.ts";
import { until } from "../../support/wait.ts";
import { Wire } from "../../support/wire.ts";
import { MIRROR, startMirror } from "./mirror.ts";

const DEPLOY = new URL("../../../deploy/", import.meta.url);

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

/** A port that nobody has. The proxies cannot be told to choose one themselves. */
function unusedPort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

/** Replaces each of these parts of a configuration, which all have to be there. */
function adapt(text: string, parts: Readonly<Record<string, string>>): string {
  for (const [part, other] of Object.entries(parts)) {
    if (!text.includes(part)) throw new Error(`The configuration has no ${JSON.stringify(part)}`);
    text = text.replaceAll(part, other);
  }
  return text;
}

/** Runs a proxy as long as the test goes on with it. */
async function behind(
  command: string,
  args: readonly string[],
  port: number,
  play: () => Promise<void>,
): Promise<void> {
  const env = { PATH: `${Deno.env.get("PATH") ?? ""}:/usr/sbin` };
  const proxy = new Deno.Command(command, { args: [...args], env, stdin: "null", stdout: "null" })
    .spawn();
  try {
    await until(`${command} listens`, async () => {
      try {
        (await Deno.connect({ hostname: "127.0.0.1", port })).close();
        return true;
      } catch {
        return false;
      }
    });
    await play();
  } finally {
    proxy.kill("SIGTERM");
    await proxy.status;
  }
}

/** deploy/nginx.conf as it is, but for addresses and files. */
async function nginx(scene: Scene, backend: string, play: (port: number) => Promise<void>) {
  const { directory } = scene;
  const { certfile, keyfile } = await scene.certificate();
  const [plain, tls] = [unusedPort(), unusedPort()];
  const site = scene.write(
    "site.conf",
    adapt(Deno.readTextFileSync(new URL("nginx.conf", DEPLOY)), {
      "unix:/run/denicorn/app.sock": backend,
      "listen 80;": `listen 127.0.0.1:${plain};`,
      "listen 443 ssl http2;": `listen 127.0.0.1:${tls} ssl http2;`,
      "/etc/ssl/example.org.pem": certfile,
      "/etc/ssl/example.org.key": keyfile,
    }),
  );
  const main = scene.write(
    "nginx.conf",
    `daemon off; master_process off; pid ${directory}/nginx.pid; error_log ${directory}/error.log;
    events {} http { access_log off; client_body_temp_path ${directory}/body;
    proxy_temp_path ${directory}/proxy; fastcgi_temp_path ${directory}/fastcgi;
    uwsgi_temp_path ${directory}/uwsgi; scgi_temp_path ${directory}/scgi; include ${site}; }`,
  );
  const { success, output } = await runTool("nginx", "-t", "-c", main);
  assertEquals(success, true, output);
  await behind("nginx", ["-c", main], tls, () => play(tls));
}

sceneTest(
  "behind nginx an app sees the client, however that lies, with HTTP/2 and uploads",
  async (scene) => {
    const path = `${scene.directory}/app.sock`;
    const server = scene.run(["-b", `unix:${path}`, "-w", "1", "--keep-alive", "75", MIRROR]);
    await server.ready(1);
    await nginx(scene, `unix:${path}`, async (port) => {
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

/** deploy/haproxy.cfg as it is, but for addresses and files, and what a test changes. */
async function haproxy(
  scene: Scene,
  changes: Readonly<Record<string, string>>,
  play: (ports: { www: number; through: number }) => Promise<void>,
) {
  const { certfile, keyfile } = await scene.certificate();
  const pem = scene.write(
    "both.pem",
    Deno.readTextFileSync(certfile) + Deno.readTextFileSync(keyfile),
  );
  const plain = await startMirror(scene, 1);
  const proxied = await startMirror(scene, 1, "--proxy-protocol");
  const ports = { www: unusedPort(), through: unusedPort() };
  const changed = adapt(Deno.readTextFileSync(new URL("haproxy.cfg", DEPLOY)), changes);
  const text = adapt(changed, {
    "bind :80\n": `bind 127.0.0.1:${unusedPort()}\n`,
    "bind :443": `bind 127.0.0.1:${ports.www}`,
    "bind :8080": `bind 127.0.0.1:${ports.through}`,
    "/etc/haproxy/example.org.pem": pem,
    "127.0.0.1:8000": `127.0.0.1:${plain.port}`,
    "127.0.0.1:8001": `127.0.0.1:${proxied.port}`,
  });
  const file = scene.write("haproxy.cfg", text);
  const { success, output } = await runTool("haproxy", "-c", "-f", file);
  assertEquals(success, true, output);
  await behind("haproxy", ["-db", "-f", file], ports.www, () => play(ports));
}

const needs = hasTool("haproxy");

sceneTest(
  "behind HAProxy an app sees the client, however that lies, and passes its checks",
  async (scene) => {
    await haproxy(scene, {}, async ({ www }) => {
      const url = `https://127.0.0.1:${www}`;
      for (const version of ["--http1.1", "--http2"]) {
        const seen = await mirrored(`${url}/a?b`, version, ...LIES);
        assertEquals(seen.url, `${url}/a?b`);
        assertEquals((seen.remote as Deno.NetAddr).hostname, CLIENT);
      }
      // The checks go on; a server that failed them would be taken out, and this be a 503.
      await new Promise((resolve) => setTimeout(resolve, 2_500));
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
      await haproxy(scene, changes, async ({ through }) => {
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
