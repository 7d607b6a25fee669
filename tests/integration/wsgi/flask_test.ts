/** A Flask app on Debian's Flask: examples/flask_app.py, unmodified. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { Browser } from "../../support/browser.ts";
import type { Running } from "../../support/running.ts";
import { type Scene, sceneTest } from "../../support/scene.ts";
import { Wire } from "../../support/wire.ts";
import { hasPackage } from "../../unit/python/packages.ts";
import { startWsgi } from "./app.ts";

const EXAMPLES = new URL("../../../examples", import.meta.url).pathname;
const NEEDED = { needs: hasPackage("flask") };

async function startFlask(scene: Scene): Promise<Running> {
  return await startWsgi(scene, "flask_app:app", {
    workers: 2,
    threads: 2,
    args: ["--chdir", EXAMPLES],
  });
}

sceneTest("Flask: a session follows its visitor, whichever process answers", async (scene) => {
  const server = await startFlask(scene);
  const [ada, bob] = [new Browser(server.url), new Browser(server.url)];
  const answer = await ada.post("/login", { name: "Adá ☃" });
  assertEquals([answer.status, answer.headers.get("location")], [302, "/"]);
  await bob.post("/login", { name: "Bob" });
  for (let i = 0; i < 10; i++) {
    assertEquals((await ada.get("/")).text, "Hello, Adá ☃!\n");
    assertEquals((await bob.get("/")).text, "Hello, Bob!\n");
  }
  await ada.post("/logout", {});
  assertMatch((await ada.get("/")).text, /^Hello! POST/);
  assertEquals((await bob.get("/")).text, "Hello, Bob!\n");
}, NEEDED);

sceneTest("Flask: files of every size are uploaded whole", async (scene) => {
  const server = await startFlask(scene);
  for (const size of [0, 1_000, 500_000, 10_000_000]) {
    const bytes = new Uint8Array(size).map((_, i) => i * 7 + (i >> 10));
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
    const form = new FormData();
    form.append("other", "field");
    form.append("file", new Blob([bytes]), `of-${size}.bin`);
    const response = await server.fetch("/upload", { method: "POST", body: form });
    assertEquals(await response.json(), {
      name: `of-${size}.bin`,
      bytes: size,
      sha256: digest.toHex(),
    });
  }
}, NEEDED);

sceneTest("Flask: a streamed response, with its request's context", async (scene) => {
  const server = await startFlask(scene);
  const lines = Array.from({ length: 1_000 }, (_, i) => `${i + 1} of 1000 from /count/1000\n`);
  assertEquals(await server.get("/count/1000"), lines.join(""));
}, NEEDED);

sceneTest("Flask: its own error pages, and failures in the error log", async (scene) => {
  const server = await startFlask(scene);
  const missing = await server.fetch("/nowhere");
  assertEquals([missing.status, await missing.json()], [404, { error: "no page /nowhere" }]);
  const failed = await server.fetch("/fail");
  assertEquals(failed.status, 500);
  assert(!(await failed.text()).includes("ZeroDivisionError"));
  await server.says(/Exception on \/fail \[GET\]\n[^]*ZeroDivisionError/);
}, NEEDED);

sceneTest("Flask: keeps its connections, whatever it answers", async (scene) => {
  const server = await startFlask(scene);
  using wire = await Wire.connect(server.port);
  const paths = ["/", "/nowhere", "/count/5", "/fail", "/login", "/"];
  for (const path of paths) await wire.send(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
  const statuses = [];
  for (const _ of paths) statuses.push((await wire.response())?.status);
  assertEquals(statuses, [200, 404, 200, 500, 405, 200]);
}, NEEDED);
