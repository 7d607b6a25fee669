/** Real proxies in front, with the configurations that are in deploy/. */

import { assertEquals } from "@std/assert";
import type { Scene } from "../../support/scene.ts";
import { runTool } from "../../support/tools.ts";
import { until } from "../../support/wait.ts";

const DEPLOY = new URL("../../../deploy/", import.meta.url);

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

/**
 * deploy/nginx.conf as it is, but for addresses and files. `backend`: as nginx names servers; `http`:
 * further directives for all of its servers.
 */
export async function nginx(
  scene: Scene,
  { backend, http = "" }: { readonly backend: string; readonly http?: string },
  play: (port: number) => Promise<void>,
): Promise<void> {
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
    uwsgi_temp_path ${directory}/uwsgi; scgi_temp_path ${directory}/scgi; ${http}
    include ${site}; }`,
  );
  const { success, output } = await runTool("nginx", "-t", "-c", main);
  assertEquals(success, true, output);
  await behind("nginx", ["-c", main], tls, () => play(tls));
}

/** The ports of who is behind HAProxy. */
export interface Backends {
  readonly plain: number;
  /** Asks for a PROXY header. */
  readonly proxied: number;
}

/** deploy/haproxy.cfg as it is, but for addresses and files, and what a test changes. */
export async function haproxy(
  scene: Scene,
  { backends, changes }: {
    readonly backends: Backends;
    readonly changes: Readonly<Record<string, string>>;
  },
  play: (ports: { www: number; through: number }) => Promise<void>,
): Promise<void> {
  const { certfile, keyfile } = await scene.certificate();
  const pem = scene.write(
    "both.pem",
    Deno.readTextFileSync(certfile) + Deno.readTextFileSync(keyfile),
  );
  const ports = { www: unusedPort(), through: unusedPort() };
  const changed = adapt(Deno.readTextFileSync(new URL("haproxy.cfg", DEPLOY)), changes);
  const text = adapt(changed, {
    "bind :80\n": `bind 127.0.0.1:${unusedPort()}\n`,
    "bind :443": `bind 127.0.0.1:${ports.www}`,
    "bind :8080": `bind 127.0.0.1:${ports.through}`,
    "/etc/haproxy/example.org.pem": pem,
    "127.0.0.1:8000": `127.0.0.1:${backends.plain}`,
    "127.0.0.1:8001": `127.0.0.1:${backends.proxied}`,
  });
  const file = scene.write("haproxy.cfg", text);
  const { success, output } = await runTool("haproxy", "-c", "-f", file);
  assertEquals(success, true, output);
  await behind("haproxy", ["-db", "-f", file], ports.www, () => play(ports));
}
