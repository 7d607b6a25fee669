/** Clients that leave while the app makes up its mind about their handshake. */

import { assertEquals } from "@std/assert";
import { descriptorsOf } from "../../support/processes.ts";
import type { Running } from "../../support/running.ts";
import { sceneTest } from "../../support/scene.ts";
import { until } from "../../support/wait.ts";
import { RawClient } from "./socket_client.ts";

const APP = new URL("../../apps/sockets.ts", import.meta.url).pathname;
const CLIENTS = 60;

async function logOf(server: Running): Promise<string[]> {
  return JSON.parse(await server.get("/log"));
}

for (const [how, threads] of [["threads", "1"], ["inline", "0"]] as const) {
  sceneTest(
    `a client that leaves before its handshake is answered keeps no descriptor (${how})`,
    async (scene) => {
      const server = scene.run(["-b", "127.0.0.1:0", "-w", "1", "-t", threads, APP]);
      await server.ready(1);
      const [proc] = server.procs();
      await server.get("/log");
      const before = descriptorsOf(proc!.pid);
      for (let i = 0; i < CLIENTS; i++) {
        using client = await RawClient.connect(server.port);
        client.handshake("/hesitant").catch(() => {});
        await until("it is asked", async () => (await logOf(server)).includes("asked"));
      }
      // For one that Deno upgrades all the same the server waits for some seconds.
      await until("all are closed", () => descriptorsOf(proc!.pid) < before + CLIENTS / 4);
      assertEquals(server.procs().map(({ pid }) => pid), [proc!.pid]);
    },
  );
}

sceneTest("a WebSocket whose client leaves as the app answers is closed", async (scene) => {
  const args = ["-b", "127.0.0.1:0", "-w", "1", "-t", "1", "--access-log", "-"];
  const server = scene.run([...args, APP]);
  await server.ready(1);
  const at = `${scene.directory}/at`;
  const client = await RawClient.connect(server.port);
  client.handshake(`/crossing?at=${at}`).catch(() => {});
  await until("the app has answered", () => Deno.stat(at).catch(() => null));
  client[Symbol.dispose]();
  // The server has given it up, and has not heard of the answer.
  await server.says(/"GET \/crossing\?.* 499 /);
  await Deno.remove(at);
  await until("it is closed", async () => (await logOf(server)).includes("1006  false"));
});
