/**
 * A real browser, Chromium: HTTP/1.1 and HTTP/2, uploads, downloads, server-sent events and
 * WebSockets, from a page that tells what came of them (tests/apps/browser.html).
 */

import { assert, assertEquals } from "@std/assert";
import type { Running } from "../../support/running.ts";
import { type Scene, sceneTest } from "../../support/scene.ts";
import { hasTool } from "../../support/tools.ts";
import { until } from "../../support/wait.ts";
import { startWsgi } from "../wsgi/app.ts";

const APP = new URL("../../apps/browser.ts", import.meta.url).pathname;
const needs = hasTool("chromium");

/** What every app has to make the page find. */
const FOUND = {
  fetch: "text",
  manyAtOnce: true,
  upload: "3000000",
  form: true,
  download: 5_000_000,
  events: "2",
  abort: "text",
  socket: "grüße 5, 3, xxxxx 200000, chat, 4001, enough, true",
};

/** Opens the app's page in a browser, and returns what the page has found. */
async function visit(scene: Scene, scheme: string, { port }: Running): Promise<unknown> {
  const url = `${scheme}://localhost:${port}`;
  const browser = new Deno.Command("chromium", {
    args: [
      ...["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"],
      // Without a port for a debugger it leaves as soon as the page is loaded.
      ...["--remote-debugging-port=0", "--ignore-certificate-errors"],
      ...[`--user-data-dir=${scene.directory}/browser`, `${url}/`],
    ],
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  try {
    const found = await until("the page has told what it found", async () => {
      const { stdout } = await new Deno.Command("curl", { args: ["-sk", `${url}/found`] }).output();
      return new TextDecoder().decode(stdout) || null;
    }, 60_000);
    return JSON.parse(found);
  } finally {
    browser.kill("SIGTERM");
    await browser.status;
  }
}

for (const threads of [0, 1]) {
  const where = threads === 0 ? "inline" : "in a thread";

  sceneTest(`a browser gets along with an app ${where}`, async (scene) => {
    const server = scene.run(["-b", "127.0.0.1:0", "-w", "1", "-t", String(threads), APP]);
    await server.ready(1);
    assertEquals(await visit(scene, "http", server), { ...FOUND, protocol: "http/1.1" });
    assert(!server.output.includes("ERROR"), server.output);
  }, { needs });
}

sceneTest("a browser gets along with an app over TLS, by HTTP/2", async (scene) => {
  const { certfile, keyfile } = await scene.certificate();
  const tls = ["--certfile", certfile, "--keyfile", keyfile];
  const server = scene.run(["-b", "127.0.0.1:0", "-w", "1", ...tls, APP]);
  await server.ready(1);
  assertEquals(await visit(scene, "https", server), { ...FOUND, protocol: "h2" });
  assert(!server.output.includes("ERROR"), server.output);
}, { needs });

sceneTest("a browser gets along with a Python app over TLS, by HTTP/2", async (scene) => {
  const { certfile, keyfile } = await scene.certificate();
  const tls = ["--certfile", certfile, "--keyfile", keyfile];
  const server = await startWsgi(scene, "browser", { threads: 4, args: tls });
  assertEquals(await visit(scene, "https", server), { ...FOUND, protocol: "h2" });
  assert(!server.output.includes("ERROR"), server.output);
}, { needs });
