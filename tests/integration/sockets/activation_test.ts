/** systemd's sockets, opened by its own program, which starts ours at the first connection. */

import { assert, assertEquals } from "@std/assert";
import { ask } from "../../support/http.ts";
import { look, MARK } from "../../support/processes.ts";
import type { Running } from "../../support/running.ts";
import { HELLO, type Scene, sceneTest as playScene } from "../../support/scene.ts";
import { hasTool } from "../../support/tools.ts";
import { until } from "../../support/wait.ts";
import { readPid } from "../../support/files.ts";

const sceneTest = (name: string, play: (scene: Scene) => Promise<void>) =>
  playScene(name, play, { needs: hasTool("systemd-socket-activate") });

for (const workers of [0, 2]) {
  const kind = workers === 0 ? "one process" : "procs";

  sceneTest(`${kind}: systemd's sockets are served in the place of bind`, async (scene) => {
    const { server, first } = await activate(scene, ["web"], ["-w", `${workers}`]);
    await server.says(/From systemd: fd:\/\/3 \(web, unix:\S*web.sock\)/);
    // The first connection, which started the program, is answered like any other.
    assertEquals((await first).slice(0, 4), "pid ");
    assertEquals((await get(scene, "web")).slice(0, 4), "pid ");
    assert(!/127\.0\.0\.1:8000/.test(server.output), server.output);
  });

  sceneTest(
    `${kind}: a socket is served by its name; one that none names is told`,
    async (scene) => {
      const { server, first } = await activate(
        scene,
        ["spare", "web"],
        ["-w", `${workers}`, "-b", "fd://web", "-b", `unix:${scene.directory}/own.sock`],
      );
      assertEquals((await first).slice(0, 4), "pid ");
      assertEquals((await get(scene, "own")).slice(0, 4), "pid ");
      await server.says(/No bind names what systemd has passed: fd:\/\/3 \(spare, unix:\S*spare/);
    },
  );

  sceneTest(`${kind}: a name or number that is no socket is an error`, async (scene) => {
    const cases: readonly (readonly [string, RegExp])[] = [
      [
        "fd://wbe",
        /fd:\/\/wbe: no socket of systemd's has that FileDescriptorName=; there are: fd:/,
      ],
      ["fd://77", /Cannot listen on fd 77: it is no listening stream socket of this process/],
    ];
    for (const [bind, message] of cases) {
      const { server } = await activate(scene, ["web"], ["-w", `${workers}`, "-b", bind]);
      assertEquals((await server.end()).code, 1);
      assert(message.test(server.output), server.output);
      Deno.removeSync(`${scene.directory}/web.sock`);
    }
  });
}

sceneTest("without systemd a name is an error that says what is missing", async (scene) => {
  const server = scene.launch({ args: ["-b", "fd://web"] });
  assertEquals((await server.end()).code, 1);
  assert(/fd:\/\/web: systemd has passed no sockets \(LISTEN_FDS\)/.test(server.output));
});

sceneTest("USR2: the new manager has systemd's sockets, with their names", async (scene) => {
  const pid = `${scene.directory}/app.pid`;
  const { server, first } = await activate(
    scene,
    ["api", "web"],
    ["-w", "1", "-b", "fd://web", "-b", "fd://api", "--pid", pid],
  );
  await first;
  server.signal("SIGUSR2");
  await server.ready(2);
  const successor = await until("it has a pid file", () => readPid(`${pid}.2`));
  server.signal("SIGTERM");
  assertEquals((await server.status).code, 0);
  const [proc] = server.everyProcess().filter(({ ppid }) => ppid === successor);
  assertEquals(await get(scene, "web"), `pid ${proc?.pid}`);
  assertEquals(await get(scene, "api"), `pid ${proc?.pid}`);

  // And once more: what was handed on is handed on.
  await until("the pid file is the new one's", () => readPid(pid) === successor);
  Deno.kill(successor, "SIGUSR2");
  const third = await until("it has a pid file", () => readPid(`${pid}.2`));
  await until("its proc is ready", () => server.output.match(/is ready/g)?.length === 3);
  Deno.kill(successor, "SIGTERM");
  await until("the second has stopped", () => look(successor) === null);
  const [last] = server.everyProcess().filter(({ ppid }) => ppid === third);
  assertEquals(await get(scene, "web"), `pid ${last?.pid}`);
  Deno.kill(third, "SIGTERM");
  await until("the third has stopped", () => look(third) === null);
  assert(!/127\.0\.0\.1:8000/.test(server.output), server.output);
});

sceneTest("a reload lets go of systemd's socket, and another has it again", async (scene) => {
  const config = (...binds: string[]) => scene.write("c.yaml", `bind: ${JSON.stringify(binds)}\n`);
  const own = `unix:${scene.directory}/own.sock`;
  const file = config("fd://web", own);
  const { server, first } = await activate(scene, ["web"], ["-w", "1", "-c", file]);
  await first;
  for (const [i, binds] of [[own], ["fd://web", own]].entries()) {
    config(...binds);
    server.signal("SIGHUP");
    await server.ready(2 + i);
    await server.says(/has left/, 1 + i);
  }
  assertEquals((await get(scene, "web")).slice(0, 4), "pid ");
});

/**
 * Has systemd listen on a unix socket for each name; the first connection, to the last of them, starts
 * the program.
 */
async function activate(
  scene: Scene,
  names: readonly string[],
  args: readonly string[],
): Promise<{ server: Running; first: Promise<string> }> {
  const kept = ["HOME", "PATH", "DENO_DIR", MARK].flatMap((name) => ["-E", name]);
  const sockets = names.map((name) => `--listen=${scene.directory}/${name}.sock`);
  const prefix = ["systemd-socket-activate", ...sockets, `--fdname=${names.join(":")}`, ...kept];
  const server = scene.run([...args, scene.write("app.ts", HELLO)], { prefix });
  const last = names.at(-1)!;
  await server.says(new RegExp(`Listening on \\S*${last}.sock`));
  const first = get(scene, last);
  first.catch(() => {}); // of a program that does not start nobody waits for it
  return { server, first };
}

function get(scene: Scene, name: string): Promise<string> {
  return ask({ transport: "unix", path: `${scene.directory}/${name}.sock` });
}
