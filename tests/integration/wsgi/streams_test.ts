/** Streamed responses: chunk by chunk, as the client takes them, and given up when it goes away. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { sceneTest } from "../../support/scene.ts";
import { until } from "../../support/wait.ts";
import { Wire } from "../../support/wire.ts";
import { startWsgi, stateOf } from "./app.ts";

/** More than the window of a queue and the buffers of both sockets together hold. */
const FAR_TOO_MUCH_BYTES = 64 * 1024 * 1024;

sceneTest("what is yielded is delivered before the app goes on", async (scene) => {
  const server = await startWsgi(scene, "conformance", { threads: 2 });
  using wire = await Wire.connect(server.port);
  await wire.send("GET /stepwise HTTP/1.1\r\nHost: localhost\r\n\r\n");
  await until(
    "the first block",
    async () => wire.received.includes("first\n") || (await wire.receive(), null),
  );
  assert(!wire.received.includes("second"), "the gate is shut");
  await server.get("/open-gate");
  assertEquals((await wire.response())?.body, "first\nsecond\n");
});

sceneTest("a response is not held back by the next exchange of its thread", async (scene) => {
  const server = await startWsgi(scene);
  using waiting = await Wire.connect(server.port);
  using quick = await Wire.connect(server.port);
  // The second one is in the queue when the thread comes to it: what answers the first must be out
  // by then, since the thread does nothing else from then on.
  await quick.send("GET /sleep?s=1 HTTP/1.1\r\nHost: localhost\r\n\r\n");
  await server.says(/falls asleep/);
  await waiting.send("GET /wait HTTP/1.1\r\nHost: localhost\r\n\r\n");
  assertEquals((await quick.response())?.status, 200);
  assert(!waiting.received, "the gate is shut");
  await server.stop("SIGQUIT");
});

sceneTest("a client that does not read slows the app down", async (scene) => {
  const server = await startWsgi(scene, "conformance", { threads: 2 });
  using wire = await Wire.connect(server.port);
  await wire.send("GET /endless HTTP/1.1\r\nHost: localhost\r\n\r\n");
  let before = -1;
  const produced = await until("the app is asked for no more", async () => {
    const now = (await stateOf(server)).produced as number;
    if (now > 0 && now === before) return now;
    before = now;
    await new Promise((resolve) => setTimeout(resolve, 200));
    return null;
  });
  assert(produced < FAR_TOO_MUCH_BYTES, `${produced} bytes were produced`);
  // It goes on where the client does.
  for (let taken = 0; taken < 4 * produced; wire.received = "") {
    await wire.receive();
    taken += wire.received.length;
  }
});

sceneTest("a client that goes away ends the app's generator", async (scene) => {
  const server = await startWsgi(scene);
  const wire = await Wire.connect(server.port);
  await wire.send("GET /endless HTTP/1.1\r\nHost: localhost\r\n\r\n");
  await wire.receive();
  wire.connection.close();
  // With the one thread there is, it answers only when it is free again.
  assertEquals((await stateOf(server)).finished, 1);
  assertMatch(await server.get("/hello"), /hello/);
});

sceneTest("a client that goes away while its request waits is not served", async (scene) => {
  const server = await startWsgi(scene, "conformance", { args: ["--access-log", "-"] });
  using holding = await Wire.connect(server.port);
  const go = `${scene.directory}/go`;
  await holding.send(`GET /hold?until=${go} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
  await server.says(/holds its thread/);
  const gone = await Wire.connect(server.port);
  await gone.send("GET /endless HTTP/1.1\r\nHost: localhost\r\n\r\n");
  gone.connection.close();
  await server.says(/"GET \/endless HTTP\/1.1" 499 /);
  scene.write("go", "");
  assertEquals((await holding.response())?.status, 200);
  const { produced } = await stateOf(server);
  assertEquals(produced, 0);
});

sceneTest("a download of 512 MiB passes with flat memory", async (scene) => {
  const server = await startWsgi(scene);
  const { pid } = server.procs()[0]!;
  const blocks = 5_368;
  const response = await server.fetch(`/large-generator?blocks=${blocks}`);
  const largest = [0, 0];
  let taken = 0;
  for await (const chunk of response.body!) {
    taken += chunk.length;
    const half = taken > blocks * 50_000 ? 1 : 0;
    const [, pages] = Deno.readTextFileSync(`/proc/${pid}/statm`).split(" ");
    largest[half] = Math.max(largest[half]!, Number(pages) * 4096);
  }
  assertEquals(taken, blocks * 100_000);
  const grown = Math.round((largest[1]! - largest[0]!) / 1024 / 1024);
  assert(grown < 64, `the proc has grown by ${grown} MiB in the second half`);
});
