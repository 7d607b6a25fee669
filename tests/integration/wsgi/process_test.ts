/** The process of a WSGI app: what Python code finds there, and what it may do. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { VERSION } from "../../../src/config/version.ts";
import { look } from "../../support/processes.ts";
import type { Running } from "../../support/running.ts";
import { sceneTest } from "../../support/scene.ts";
import { until } from "../../support/wait.ts";
import { Wire } from "../../support/wire.ts";
import { run, systemPython } from "../../unit/python/pythons.ts";
import { PYTHON, startWsgi } from "./app.ts";

async function ask(server: Running, path: string, init: RequestInit = {}): Promise<unknown> {
  const response = await server.fetch(path, init);
  const text = await response.text();
  assertEquals(response.status, 200, `${path}: ${text}\n${server.output}`);
  return JSON.parse(text);
}

sceneTest("the app finds the surroundings of its interpreter", async (scene) => {
  const server = await startWsgi(scene, "processes", {
    env: { FROM_OUTSIDE: "1", LC_ALL: "C" },
    args: ["--env", "FROM_CONFIG=2", "--umask", "027"],
  });
  const [executable, prefix] = run<[string, string]>(
    PYTHON,
    "import json, sys; print(json.dumps([sys.executable, sys.prefix]))",
  );
  assertEquals(await ask(server, "/surroundings"), {
    argv: ["denicorn", "processes"],
    executable,
    prefix,
    main: "__main__",
    file: true,
    thread: "denicorn-1",
    main_thread: false,
    // web.py takes a process without it for a development server, and shows its errors.
    environ: { FROM_OUTSIDE: "1", FROM_CONFIG: "2", SERVER_SOFTWARE: `denicorn/${VERSION}` },
    control: [],
    encoding: ["utf-8", "utf-8"],
    umask: "027",
  });
});

sceneTest("extension modules load", async (scene) => {
  const server = await startWsgi(scene, "processes");
  assertEquals(await ask(server, "/extensions"), [true, true, true, "x"]);
});

sceneTest("numpy computes", async (scene) => {
  const server = await startWsgi(scene, "processes", { threads: 2 });
  const answers = await Promise.all(Array.from({ length: 4 }, () => ask(server, "/numpy")));
  for (const answer of answers as [number, number][]) {
    assertEquals(answer.map((x) => Math.round(x * 1e6) / 1e6), [2, 3]);
  }
}, { needs: systemPython() !== null });

for (const method of ["spawn", "fork", "forkserver"]) {
  sceneTest(`multiprocessing works from within the app: ${method}`, async (scene) => {
    const server = await startWsgi(scene, "processes");
    for (let round = 0; round < 10; round++) {
      assertEquals(await ask(server, `/multiprocessing?${method}`), [1, 4, 9]);
    }
  });
}

sceneTest("a process of multiprocessing that is forked ends with its own code", async (scene) => {
  const server = await startWsgi(scene, "processes");
  assertEquals(await ask(server, "/exit-codes"), [0, 9]);
});

sceneTest("an executor's processes end with the one that made them", async (scene) => {
  const server = await startWsgi(scene, "processes");
  const pids: number[] = [];
  for (const it of ["spawn", "fork", "forkserver"]) {
    pids.push(await ask(server, `/executor?${it}`) as number);
  }
  await server.stop();
  await until("they have ended", () => pids.every((pid) => look(pid) === null));
  assertMatch(server.output, /the app was told of its end/);
});

for (const cut of [false, true]) {
  const what = cut ? ", where a response is cut" : "";
  sceneTest(
    `an executor's processes that are at work end with what they do${what}`,
    async (scene) => {
      const args = ["--graceful-timeout", cut ? "1" : "2"];
      const server = await startWsgi(scene, "processes", { args });
      const gate = `${scene.directory}/gate`;
      const pids = await ask(server, `/job?${gate}`) as number[];
      using wire = await Wire.connect(server.port);
      if (cut) {
        await wire.send("GET /endless HTTP/1.1\r\nHost: x\r\n\r\n");
        while (!wire.received.includes("more") && await wire.receive());
      }
      server.signal("SIGTERM");
      await server.says(/Stopped/);
      assertEquals(/exchanges were not finished/.test(server.output), cut);
      assertMatch(server.output, /the app was told of its end/);
      assert(pids.every((pid) => look(pid) !== null), "they were not left in peace");
      Deno.writeTextFileSync(gate, "");
      await until("they have ended", () => pids.every((pid) => look(pid) === null));
    },
  );
}

sceneTest("a process that a request forks ends where its call does", async (scene) => {
  const server = await startWsgi(scene, "processes");
  const ends = { return: 0, exit: 7 << 8, text: 1 << 8, raise: 1 << 8, yield: 0 };
  for (const [end, status] of Object.entries(ends)) {
    assertEquals(await ask(server, `/fork?${end}`), status, `${end}\n${server.output}`);
  }
  assertMatch(server.output, /why the fork ends/);
  assertMatch(server.output, /ValueError: raised in the fork/);
});

sceneTest("an app that ends its process is said to have, whatever code it takes", async (scene) => {
  const server = await startWsgi(scene, "processes");
  await server.get("/exit?3").catch(() => {});
  // 3 is what a proc has that fails to boot.
  await server.says(/ERROR.* exited with code 3 \(the app's own\)/);
  await server.ready(2);
  assertEquals(await ask(server, "/subprocess"), [0, "42"]);
});

sceneTest("subprocess, asyncio and threads work from within the app", async (scene) => {
  const server = await startWsgi(scene, "processes");
  assertEquals(await ask(server, "/subprocess"), [0, "42"]);
  assertEquals(await ask(server, "/asyncio"), "slept");
  assertEquals(await ask(server, "/background", { method: "POST", body: "12345" }), [5]);
  await server.says(/in the background/);
});

sceneTest("what the app prints comes out at once", async (scene) => {
  const server = await startWsgi(scene, "processes");
  await ask(server, "/print");
  await server.says(/printed, not flushed\ncafé ☃\n/);
});

sceneTest("signals stay denicorn's, and the app is told of its end", async (scene) => {
  const server = await startWsgi(scene, "processes");
  assertMatch(
    server.output,
    /WARNING.*signal\.signal\(SIGTERM\) has no effect: .*\(\/\S+\/processes\.py, line \d+\)/,
  );
  for (const { pid } of server.procs()) Deno.kill(pid, "SIGTERM");
  await server.says(/the app was told of its end/);
  await server.ready(2);
  await server.stop();
  assertEquals(server.output.match(/the app was told of its end/g)?.length, 2);
  assert(!server.output.includes("the app's handler was called"), server.output);
});
