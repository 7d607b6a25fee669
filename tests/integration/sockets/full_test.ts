/** max_connections: more than a proc may have wait to be accepted, or go to another. */

import { assertEquals } from "@std/assert";
import { Flag, frame, FrameType } from "../../../bench/support/http2_frames.ts";
import { takeFrame } from "../../support/http2_wire.ts";
import { ask, connect, local } from "../../support/http.ts";
import { type Scene, sceneTest } from "../../support/scene.ts";
import { until } from "../../support/wait.ts";
import { toLatin1, Wire } from "../../support/wire.ts";
import { acknowledge, beginHttp2 } from "../edge/slow_reader.ts";

const PING = toLatin1(frame(FrameType.ping, Flag.none, 0, new Uint8Array(8)));

/** A connection that is kept alive, and the proc that has it. */
async function keep(port: number): Promise<{ pid: string; conn: Deno.Conn }> {
  const conn = await connect(local(port));
  await conn.write(new TextEncoder().encode("GET / HTTP/1.1\r\nHost: test\r\n\r\n"));
  const buffer = new Uint8Array(4096);
  const text = new TextDecoder().decode(buffer.subarray(0, await conn.read(buffer) ?? 0));
  return { pid: /pid \d+/.exec(text)?.[0] ?? text, conn };
}

async function start(scene: Scene, workers: number, max: number, ...args: string[]) {
  return await scene.start({
    workers,
    args: ["--max-connections", String(max), "--keep-alive", "60", ...args],
  });
}

for (const listener of ["reuseport", "shared"]) {
  sceneTest(
    `a full proc takes the next connection when one has left (${listener})`,
    async (scene) => {
      const server = await start(scene, 1, 3, "--listener", listener);
      const kept = await Promise.all([1, 2, 3].map(() => keep(server.port)));
      let answered = false;
      const waiting = ask(local(server.port)).then((text) => {
        answered = true;
        return text;
      });
      // Whoever waits is in the queue: a round of the others shows that it is not served meanwhile.
      for (const { conn } of kept) {
        await conn.write(new TextEncoder().encode("GET / HTTP/1.1\r\nHost: test\r\n\r\n"));
        await conn.read(new Uint8Array(4096));
      }
      assertEquals(answered, false);
      kept[0]!.conn.close();
      assertEquals(await waiting, kept[0]!.pid);
      for (const { conn } of kept.slice(1)) conn.close();
    },
  );
}

sceneTest("a full proc leaves what comes to a shared socket to the others", async (scene) => {
  const server = await start(scene, 2, 4, "--listener", "shared");
  const kept: Awaited<ReturnType<typeof keep>>[] = [];
  for (let i = 0; i < 8; i++) kept.push(await keep(server.port));
  const pids = [...new Set(kept.map(({ pid }) => pid))];
  assertEquals(pids.map((pid) => kept.filter((each) => each.pid === pid).length), [4, 4]);
  for (const { conn } of kept) conn.close();
});

sceneTest("who waits for room in a proc that leaves is served nevertheless", async (scene) => {
  const server = await start(scene, 1, 1);
  const { conn, pid } = await keep(server.port);
  const waiting = ask(local(server.port));
  await until("it waits in the queue", () => queued(server.port) > 0);
  server.signal("SIGHUP");
  assertEquals(await waiting, pid);
  conn.close();
});

sceneTest("who lingers behind the end of HTTP/2 takes nobody's place", async (scene) => {
  const server = await start(scene, 1, 1, "--keep-alive-requests", "1");
  using wire = await Wire.connect(server.port);
  await wire.send(beginHttp2("/"));
  do {
    for (let next; (next = takeFrame(wire)) !== null;) await acknowledge(wire, next);
  } while (await wire.receive());
  // It does not close, and goes on sending: a reset shows when it is not kept any more.
  const answer = ask(local(server.port));
  let waits = true;
  void answer.then(() => waits = false);
  while (waits && await wire.send(PING)) await new Promise((resolve) => setTimeout(resolve, 20));
  assertEquals(waits, false);
  await answer;
});

function queued(port: number): number {
  const local = `0100007F:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  return Deno.readTextFileSync("/proc/net/tcp").split("\n")
    .map((line) => line.trim().split(/\s+/))
    .filter((fields) => fields[1] === local && fields[3] === "0A")
    .reduce((sum, fields) => sum + parseInt(fields[4]?.split(":")[1] ?? "0", 16), 0);
}
