/** Procs whose threads are all held up, while others have one free. */

import { assertEquals } from "@std/assert";
import { ask, local } from "../../support/http.ts";
import type { Running } from "../../support/running.ts";
import { type Scene, sceneTest } from "../../support/scene.ts";
import { until } from "../../support/wait.ts";
import { PYTHON } from "../wsgi/app.ts";

/** Tells its process; /slow computes until the file "go" is there, /patient awaits it. */
const FETCH = `export default {
  async fetch(request) {
    const { pathname } = new URL(request.url);
    const isThere = () => { try { return Deno.statSync("go").isFile; } catch { return false; } };
    if (pathname === "/slow") while (!isThere());
    if (pathname === "/patient") {
      while (!isThere()) await new Promise((resolve) => setTimeout(resolve, 10));
    }
    return new Response("pid " + Deno.pid);
  },
};
`;

const WSGI = `import os, time

def app(environ, start_response):
    if environ["PATH_INFO"] == "/slow":
        while not os.path.exists("go"):
            time.sleep(0.01)
    start_response("200 OK", [])
    return [b"pid %d" % os.getpid()]
`;

const STEERED = /Proc \d+ has no thread free: new connections avoid it/;
const HELD_UP = /No thread of the app is free/;

interface Kind {
  readonly name: string;
  readonly args: readonly string[];
  readonly file: readonly [string, string];
  readonly app: string;
  /** How many slow requests hold one proc up. */
  readonly threads: number;
}

const fetchApp = { file: ["app.ts", FETCH], app: "app.ts" } as const;
const wsgiApp = { file: ["slow.py", WSGI], app: "slow:app" } as const;
const KINDS: readonly Kind[] = [
  { name: "fetch", args: ["-t", "1"], threads: 1, ...fetchApp },
  { name: "WSGI", args: ["-t", "1", "--python", PYTHON], threads: 1, ...wsgiApp },
];

async function start(scene: Scene, { args, file, app }: Kind, workers: number, more: string[]) {
  scene.write(...file);
  const options = ["-b", "127.0.0.1:0", "-w", String(workers), "--log-level", "debug"];
  const server = scene.run([...options, "--chdir", scene.directory, ...args, ...more, app]);
  await server.ready(workers);
  return server;
}

/** The procs that answer new connections, one after another. */
async function answers(server: Running, count: number): Promise<Set<string>> {
  const pids = new Set<string>();
  for (let i = 0; i < count; i++) pids.add(await ask(local(server.port)));
  return pids;
}

for (const kind of KINDS) {
  sceneTest(`new connections avoid a proc without a free thread (${kind.name})`, async (scene) => {
    const server = await start(scene, kind, 4, []);
    const slow = ask(local(server.port), "/slow");
    await server.says(STEERED);
    const others = await answers(server, 20);
    scene.write("go", "");
    const pid = await slow;
    assertEquals(others.has(pid), false);
    await server.says(/has a thread free again/);
    await until(
      "it answers new connections again",
      async () => await ask(local(server.port)) === pid,
    );
  });

  sceneTest(`it leaves those at a shared socket to others (${kind.name})`, async (scene) => {
    const server = await start(scene, kind, 2, ["--listener", "shared"]);
    const slow = ask(local(server.port), "/slow");
    await server.says(HELD_UP);
    const others = await answers(server, 20);
    // Where both are held up, who comes waits for either.
    const second = ask(local(server.port), "/slow");
    await server.says(HELD_UP, 2);
    const late = ask(local(server.port));
    scene.write("go", "");
    const pids = [await slow, await second];
    assertEquals([...others], [pids[1]]);
    assertEquals(pids.includes(await late), true);
    await server.says(/A thread of the app is free again/, 2);
    await answers(server, 5);
  });
}

sceneTest("where all are held up, a shared socket is not left to nobody", async (scene) => {
  const more = ["--listener", "shared", "--backlog-per-thread", "1"];
  const server = await start(scene, KINDS[0]!, 2, more);
  const first = ask(local(server.port), "/slow");
  await server.says(HELD_UP);
  const second = ask(local(server.port), "/slow");
  await server.says(HELD_UP, 2);
  // It is told that it waits in vain, though neither thread is free.
  assertEquals((await server.fetch("/")).status, 503);
  scene.write("go", "");
  await Promise.all([first, second]);
});

sceneTest("a thread that only awaits is free", async (scene) => {
  const server = await start(scene, KINDS[0]!, 1, []);
  const patient = ask(local(server.port), "/patient");
  await answers(server, 20);
  // From here on it computes.
  assertEquals(HELD_UP.test(server.output), false);
  const slow = ask(local(server.port), "/slow");
  await server.says(HELD_UP);
  scene.write("go", "");
  await Promise.all([patient, slow]);
  await server.says(/A thread of the app is free again/);
});
