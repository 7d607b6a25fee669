/**
 * Apps whose calls are quick until one blocks: their thread works alone (src/protocol/wsgi/standby.ts), and
 * what waits behind that call has to be rescued.
 */

import { assertEquals } from "@std/assert";
import { Load } from "../../support/load.ts";
import type { Running } from "../../support/running.ts";
import { sceneTest } from "../../support/scene.ts";
import { until } from "../../support/wait.ts";
import { Wire } from "../../support/wire.ts";
import { startWsgi } from "./app.ts";

/** More than QUICK_EXCHANGES of src/protocol/wsgi/standby.ts. */
const QUICK = 5_000;
const ROUNDS = 5;

const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`;

/** A load that expects its own path back. */
function quickLoad(server: Running, kept: number): Load {
  return new Load({ port: server.port, clients: { kept }, expect: (n) => `/${n}` });
}

async function madeQuick(load: Load): Promise<void> {
  const enough = load.requests + QUICK;
  await until("calls are held for quick", () => load.requests > enough);
}

/** Ends it. Returns how many requests it made. */
async function stopped(load: Load): Promise<number> {
  const { failures, requests } = await load.stop();
  assertEquals(failures, []);
  return requests;
}

const BLOCKS = /\/wait blocks after (\d+) quick calls/;

sceneTest("a call that blocks in a quick app holds up none that comes after it", async (scene) => {
  const server = await startWsgi(scene, "quick", { threads: 2 });
  for (let round = 1; round <= ROUNDS; round++) {
    const load = quickLoad(server, 8);
    await madeQuick(load);
    await stopped(load);
    using waiting = await Wire.connect(server.port);
    await waiting.send(get("/wait"));
    await server.says(BLOCKS, round);
    assertEquals(await server.get("/go"), "/go");
    assertEquals((await waiting.response())?.body, "/wait");
  }
});

sceneTest("a call that blocks holds up none of those that waited behind it", async (scene) => {
  const server = await startWsgi(scene, "quick", { threads: 2 });
  for (let round = 1; round <= ROUNDS; round++) {
    const load = quickLoad(server, 32);
    const wires = await Promise.all(Array.from({ length: 4 }, () => Wire.connect(server.port)));
    await madeQuick(load);
    // At once, so that the one that lets it go may be queued behind it.
    const paths = ["/wait", "/some", "/more", "/go"];
    await Promise.all(paths.map((path, i) => wires[i]!.send(get(path))));
    for (const [i, path] of paths.entries()) assertEquals((await wires[i]!.response())?.body, path);
    for (const wire of wires) wire[Symbol.dispose]();
    await stopped(load);
  }
});

sceneTest(
  "what was answered before a call that blocks reaches its client",
  async (scene) => {
    const server = await startWsgi(scene, "quick", { threads: 1, env: { GO: scene.directory } });
    let asked = 0;
    for (let round = 1; round <= ROUNDS; round++) {
      const load = quickLoad(server, 8);
      await madeQuick(load);
      asked += await stopped(load);
      const wires = await Promise.all(
        Array.from({ length: 16 }, () => Wire.connect(server.port)),
      );
      // While the thread pauses, the others gather in the queue.
      const paths = wires.map((_, i) => i === 0 ? "/pause" : i === 6 ? "/wait" : `/quick-${i}`);
      await Promise.all(wires.map((wire, i) => wire.send(get(paths[i]!))));
      let quick = 0;
      const answers = Promise.all(wires.map(async (wire, i) => {
        assertEquals((await wire.response())?.body, paths[i]);
        if (paths[i]!.startsWith("/quick")) quick++;
      }));
      // Where the test fails before it waits for them.
      answers.catch(() => {});
      await server.says(BLOCKS, round);
      const calls = Number([...server.output.matchAll(new RegExp(BLOCKS, "g"))].at(-1)![1]);
      await until("what came before has been answered", () => quick >= calls - asked);
      await Deno.writeTextFile(`${scene.directory}/go`, "");
      await answers;
      asked += paths.length - 2;
      for (const wire of wires) wire[Symbol.dispose]();
    }
  },
);

sceneTest("an app that blocks though it was quick is stopped as asked", async (scene) => {
  const server = await startWsgi(scene, "quick", { threads: 2 });
  const load = quickLoad(server, 8);
  await madeQuick(load);
  await stopped(load);
  const [waiting, going] = [await Wire.connect(server.port), await Wire.connect(server.port)];
  await waiting.send(get("/wait"));
  await server.says(BLOCKS);
  await going.send(get("/go"));
  server.signal("SIGTERM");
  assertEquals((await going.response())?.body, "/go");
  assertEquals((await waiting.response())?.body, "/wait");
  for (const wire of [waiting, going]) wire[Symbol.dispose]();
});
