/** Operations of the queues that cannot be done: each costs its own exchange, and none beside it. */

import { assert, assertEquals } from "@std/assert";
import { sceneTest } from "../../support/scene.ts";
import { until } from "../../support/wait.ts";
import { Wire } from "../../support/wire.ts";
import { startApp, stateOf } from "./app.ts";

/** All that wait are answered in one turn, the response that can be sent to nobody among the first. */
const GATE = `const gate = Promise.withResolvers<void>();
let handshake: Response;
let waiting = 0;
export default { async fetch(request: Request) {
  const { pathname } = new URL(request.url);
  if (pathname === "/upgrade") {
    handshake = Deno.upgradeWebSocket(request).response;
    return new Response("kept");
  }
  if (pathname === "/waiting") return new Response(String(waiting));
  waiting++;
  if (pathname === "/go") gate.resolve();
  await gate.promise;
  return pathname === "/wrong" ? handshake : new Response("right");
} };\n`;

const UPGRADE =
  "GET /upgrade HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
  "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n";

sceneTest("a response that cannot be sent costs no other one of its batch", async (scene) => {
  const server = await scene.start({ app: GATE, workers: 1, args: ["--timeout", "0"] });
  using wire = await Wire.connect(server.port);
  await wire.send(UPGRADE);
  assertEquals((await wire.response())?.body, "kept");
  const answers = [];
  for (const path of ["/wrong", "/right", "/right", "/right"]) {
    answers.push(server.fetch(path));
    await until("it waits", async () => await server.get("/waiting") === String(answers.length));
  }
  assertEquals(await server.get("/go"), "right");
  const [wrong, ...right] = await Promise.all(answers);
  assertEquals([wrong!.status, await wrong!.text()], [500, "Internal Server Error\n"]);
  for (const answer of right) assertEquals(await answer.text(), "right");
  await server.says(
    /Cannot answer GET \/wrong: RangeError: The status .* from 200 to 999, not 101/,
  );
  assert(!server.output.includes("Uncaught"), server.output);
});

sceneTest("a handshake with an option that is none costs no other exchange", async (scene) => {
  const app = `export default { fetch(request: Request) {
    if (request.headers.get("upgrade") === null) return new Response("right");
    const idleTimeout = (() => 30) as unknown as number;
    return Deno.upgradeWebSocket(request, { idleTimeout }).response;
  } };\n`;
  const server = await scene.start({ app, workers: 1, args: ["--timeout", "0"] });
  using wire = await Wire.connect(server.port);
  await wire.send(UPGRADE);
  assertEquals((await wire.response())?.status, 101);
  assertEquals(await server.get(), "right");
});

const UPLOAD_BYTES = 100_001;

/** Sends all but the last byte of an upload. */
async function beginUpload(port: number, path: string): Promise<Wire> {
  const wire = await Wire.connect(port);
  await wire.send(`POST ${path} HTTP/1.1\r\nHost: a\r\nContent-Length: ${UPLOAD_BYTES}\r\n\r\n`);
  await wire.send("x".repeat(UPLOAD_BYTES - 1));
  return wire;
}

sceneTest(
  "an upload that does not fit its reader costs no other one of its batch",
  async (scene) => {
    const server = await startApp(scene, 1, "--timeout", "0");
    const wires = [];
    for (const path of ["/words", "/count", "/count", "/count"]) {
      wires.push(await beginUpload(server.port, path));
    }
    await until("they are read but for their ends", async () => {
      const { received } = await stateOf(server);
      return received === wires.length * (UPLOAD_BYTES - 1);
    });
    // Their ends come at once, and go to the thread in one message.
    const { pid } = server.procs()[0]!;
    Deno.kill(pid, "SIGSTOP");
    for (const wire of wires) await wire.send("x");
    Deno.kill(pid, "SIGCONT");
    const answers = [];
    for (const wire of wires) answers.push((await wire.response())?.body);
    for (const wire of wires) wire.connection.close();
    const whole = String(UPLOAD_BYTES);
    assertEquals(answers, ["Internal Server Error\n", whole, whole, whole]);
    await server.says(/POST \/words failed: TypeError: Insufficient bytes/);
  },
);
