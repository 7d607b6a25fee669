/** Threads: blocking requests side by side, one queue for all, and no cost while nothing happens. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { cpuSeconds } from "../../support/processes.ts";
import type { Running } from "../../support/running.ts";
import { sceneTest } from "../../support/scene.ts";
import { until } from "../../support/wait.ts";
import { Wire } from "../../support/wire.ts";
import { startWsgi } from "./app.ts";

const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`;

sceneTest("as many blocking requests run side by side as there are threads", async (scene) => {
  const server = await startWsgi(scene, "conformance", { threads: 4 });
  // Each returns only once all four are in the app.
  const answers = await Promise.all(Array.from({ length: 4 }, () => server.get("/meet")));
  assertEquals(answers, Array(4).fill("met"));
});

sceneTest("no request waits behind one that sleeps while a thread is free", async (scene) => {
  const server = await startWsgi(scene, "conformance", { threads: 2 });
  using waiting = await Wire.connect(server.port);
  await waiting.send(get("/wait"));
  // With one thread that waits, all of these, at once and one after another, are the other's.
  for (let round = 0; round < 20; round++) {
    const answers = await Promise.all(Array.from({ length: 10 }, () => server.get("/hello")));
    assertEquals(answers, Array(10).fill("hello"));
  }
  assert(!waiting.received, "the gate is shut");
  await server.get("/open-gate");
  assertEquals((await waiting.response())?.body, "waited");
});

sceneTest("pipelined requests of one connection may be served by any thread", async (scene) => {
  const server = await startWsgi(scene, "conformance", { threads: 2 });
  using wire = await Wire.connect(server.port);
  await wire.send(get("/hello").repeat(50));
  for (let i = 0; i < 50; i++) assertEquals((await wire.response())?.body, "hello");
});

sceneTest("a thread keeps what the app keeps in threading.local", async (scene) => {
  const server = await startWsgi(scene);
  for (let i = 1; i <= 5; i++) assertEquals(await server.get("/keep"), String(i));
});

sceneTest(
  "an app that recurses too deep gets a RecursionError, not the end of its process",
  async (scene) => {
    const server = await startWsgi(scene);
    const { pid } = server.procs()[0]!;
    assertEquals(await server.get("/recurse"), "too deep");
    assertEquals(server.procs().map((proc) => proc.pid), [pid]);
  },
);

/** CPU time that its procs have used, seconds. */
function cpuOf(server: Running): number {
  return server.procs().reduce((sum, { pid }) => sum + cpuSeconds(pid), 0);
}

sceneTest("threads that wait for a request use no CPU", async (scene) => {
  const server = await startWsgi(scene, "conformance", { threads: 8 });
  using wire = await Wire.connect(server.port);
  for (let i = 0; i < 100; i++) {
    await wire.send(get("/hello"));
    await wire.response();
  }
  // Some sleep in an app, the others for want of a request.
  using waiting = await Wire.connect(server.port);
  await waiting.send(get("/wait"));
  const before = cpuOf(server);
  await new Promise((resolve) => setTimeout(resolve, 2_000));
  const used = cpuOf(server) - before;
  assert(used <= 0.05, `${used} s of CPU in 2 s`);
  await server.get("/open-gate");
});

sceneTest("a request beyond the queue's bound gets 503 at once", async (scene) => {
  const server = await startWsgi(scene, "conformance", { args: ["--backlog-per-thread", "3"] });
  const wires = await Promise.all(Array.from({ length: 3 }, () => Wire.connect(server.port)));
  for (const wire of wires) await wire.send(get("/wait"));
  const refused = await until("the queue is full", async () => {
    const response = await server.fetch("/hello", { signal: AbortSignal.timeout(500) })
      .catch(() => null);
    await response?.text();
    return response?.status === 503 ? response : null;
  });
  assertEquals(refused.headers.get("retry-after"), "1");
  for (const wire of wires) wire[Symbol.dispose]();
  await server.stop("SIGQUIT");
});

sceneTest("more requests than fit into shared memory are served in turn", async (scene) => {
  const server = await startWsgi(scene, "conformance", { threads: 2 });
  using gate = await Wire.connect(server.port);
  const wires = await Promise.all(Array.from({ length: 400 }, () => Wire.connect(server.port)));
  const body = "x".repeat(20_000);
  for (const [i, wire] of wires.entries()) {
    if (i < 1) await wire.send(get("/wait"));
    else {
      await wire.send(
        `POST /echo?${i} HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
      );
    }
  }
  await gate.send(get("/open-gate"));
  assertEquals((await wires[0]!.response())?.body, "waited");
  for (const wire of wires.slice(1)) assertEquals((await wire.response())?.body, body);
  for (const wire of wires) wire[Symbol.dispose]();
});

sceneTest(
  "an exchange that takes too long gets 504, and its hanging thread's proc is replaced",
  async (scene) => {
    const server = await startWsgi(scene, "conformance", { args: ["--timeout", "1"] });
    const response = await server.fetch("/wait");
    assertEquals(response.status, 504);
    await response.text();
    await server.says(/No response within 1 s: GET \/wait\n/);
    await server.ready(2);
    // Until connections are steered away from it, one may still come to the proc that hangs.
    await until("the new proc answers", async () => {
      const answer = await server.fetch("/hello");
      return await answer.text() === "hello";
    });
  },
);

/** What a thread may hang in, as the body of a WSGI app. */
const HANGS: Readonly<Record<string, string>> = {
  "a loop": "while 1: pass",
  "a regular expression": `__import__("re").match("(a+)+$", "a" * 99 + "b")`,
  "a call that gives the GIL away": "__import__('time').sleep(600)",
  "a call that keeps the GIL": "__import__('ctypes').PyDLL(None).sleep(600)",
};

for (const [what, code] of Object.entries(HANGS)) {
  sceneTest(`a thread that hangs in ${what} is found, and its proc replaced`, async (scene) => {
    scene.write("hanging.py", `def app(environ, start_response):\n    ${code}\n`);
    const server = await startWsgi(scene, "hanging:app", {
      args: ["--timeout", "1", "--graceful-timeout", "1", "--chdir", scene.directory],
    });
    const { pid } = server.procs()[0]!;
    const response = await server.fetch("/");
    assertEquals(response.status, 504);
    await response.text();
    await server.says(/is to be replaced: thread 1 hangs/);
    await server.ready(2);
    await until("it is gone", () => server.procs().every((proc) => proc.pid !== pid));
    await server.stop("SIGQUIT");
  });
}

sceneTest("timeout_warning tells where in the app an exchange takes long", async (scene) => {
  const server = await startWsgi(scene, "conformance", {
    threads: 2,
    args: ["--timeout", "600", "--timeout-warning", "0.001"],
  });
  const waiting = server.get("/wait");
  await server.says(/No response for 0\.\d s, and timeout is 600 s: GET \/wait\n/);
  await server.says(
    /Thread \d is here with GET \/wait:\n\s+File "\S+conformance\/__init__\.py", line \d+/,
  );
  await server.get("/open-gate");
  assertEquals(await waiting, "waited");
  assert(!server.output.includes("<denicorn/"), server.output);
});

sceneTest("threads: 0 is served with one thread, and said so", async (scene) => {
  const server = await startWsgi(scene, "conformance", { threads: 0 });
  assertEquals(await server.get("/hello"), "hello");
  assertMatch(server.output, /WARNING.*A WSGI app needs a thread: threads: 0 is taken as 1/);
});
