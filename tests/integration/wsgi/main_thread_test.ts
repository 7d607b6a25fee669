/** Python's main thread: what is imported there, and signals that are not denicorn's. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import type { Running } from "../../support/running.ts";
import { sceneTest } from "../../support/scene.ts";
import { until } from "../../support/wait.ts";
import { startWsgi } from "./app.ts";

const ask = async (server: Running, path: string) => JSON.parse(await server.get(path));

sceneTest("an app is imported by Python's main thread, which runs no requests", async (scene) => {
  const server = await startWsgi(scene, "programs", { threads: 2 });
  // asyncio.get_event_loop() and signal.signal() have worked by now, and deep recursion was survived.
  const first = [["SIGALRM", true]];
  assertEquals(await ask(server, "/imported"), [true, false, "MainThread", 1, first]);
  assert(!server.output.includes("has no effect"), server.output);
});

sceneTest("handlers of the app's own signals run, and may raise", async (scene) => {
  const server = await startWsgi(scene, "programs");
  const { pid } = server.procs()[0]!;
  const all = ["SIGALRM", "SIGPROF", "SIGVTALRM"].map((name) => [name, true]);
  for (let round = 0; round < 2; round++) {
    await ask(server, "/raise");
    await until("all are handled", async () => {
      const handled = await ask(server, "/handled");
      return JSON.stringify(handled) === JSON.stringify(all);
    });
  }
  await server.says(/TimeoutError: raised by a handler/);
  assertEquals(server.procs().map((proc) => proc.pid), [pid]);
});

sceneTest(
  "in a request signal.signal() raises, as it does in gunicorn's threads",
  async (scene) => {
    const server = await startWsgi(scene, "programs");
    assertMatch(await ask(server, "/set"), /^signal only works in main thread/);
    assertEquals(await ask(server, "/fork"), 7);
  },
);

sceneTest("modules of the app's own hide none of Python's from denicorn", async (scene) => {
  for (const name of ["signal", "traceback", "types"]) {
    scene.write(`${name}.py`, "raise ImportError('the wrong one')");
  }
  scene.write(
    "alone.py",
    "def app(environ, start_response):\n" +
      "    start_response('200 OK', [])\n    return [b'alone']\n",
  );
  const server = await startWsgi(scene, "alone:app", { args: ["--chdir", scene.directory] });
  assertEquals(await server.get("/"), "alone");
});

sceneTest("a profiler's timer disturbs no request", async (scene) => {
  const server = await startWsgi(scene, "programs", { threads: 2 });
  await ask(server, "/profile");
  for (let round = 0; round < 50; round++) {
    const answers = await Promise.all(Array.from({ length: 8 }, () => ask(server, "/work")));
    assertEquals(answers, Array(8).fill(100_000));
  }
  assert((await ask(server, "/handled")).length > 5, "the timer is at work");
  await server.stop();
});

sceneTest("a process that is forked by an import ends where the import ends", async (scene) => {
  scene.write(
    "forks.py",
    `import os, sys
children = []
for code in (0, 7):
    pid = os.fork()
    if pid == 0:
        sys.exit(code)
    children.append(os.WEXITSTATUS(os.waitpid(pid, 0)[1]))
pid = os.fork()
if pid:
    children.append(os.WEXITSTATUS(os.waitpid(pid, 0)[1]))

def app(environ, start_response):
    start_response("200 OK", [])
    return [str(children).encode()]
`,
  );
  const server = await startWsgi(scene, "forks:app", { args: ["--chdir", scene.directory] });
  assertEquals(await server.get("/"), "[0, 7, 0]");
});
