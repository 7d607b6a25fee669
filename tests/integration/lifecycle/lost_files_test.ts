/** Files of a running server that somebody removes: the pid file, and those of unix sockets. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { ask } from "../../support/http.ts";
import { descriptorsOf, look } from "../../support/processes.ts";
import type { Running } from "../../support/running.ts";
import { HELLO, type Scene, sceneTest } from "../../support/scene.ts";
import { until } from "../../support/wait.ts";

const exists = (path: string) => [...Deno.readDirSync(dirname(path))].some(isAt(path));
const dirname = (path: string) => path.slice(0, path.lastIndexOf("/"));
const isAt = (path: string) => ({ name }: Deno.DirEntry) => path.endsWith(`/${name}`);

/** A server on a unix socket in a directory of its own, with a pid file. */
async function serve(
  scene: Scene,
): Promise<{ server: Running; socket: string; pid: string }> {
  const [socket, pid] = [`${scene.directory}/run/app.sock`, `${scene.directory}/app.pid`];
  Deno.mkdirSync(`${scene.directory}/run`);
  const server = scene.launch({ workers: 1, args: ["-b", `unix:${socket}`, "--pid", pid] });
  await server.ready(1);
  return { server, socket, pid };
}

const whoServes = (path: string) => ask({ transport: "unix", path });

sceneTest("HUP puts back a pid file that was removed", async (scene) => {
  const { server, pid } = await serve(scene);
  Deno.removeSync(pid);
  server.signal("SIGHUP");
  await server.says(/Reloaded: /);
  assertEquals(Deno.readTextFileSync(pid), `${server.pid}\n`);
  await server.stop();
  assert(!exists(pid));
});

sceneTest("HUP puts back a unix socket whose file was removed", async (scene) => {
  const { server, socket } = await serve(scene);
  Deno.removeSync(socket);
  await assertRejects(() => whoServes(socket), Deno.errors.NotFound);
  server.signal("SIGHUP");
  await server.says(/Reloaded: /);
  assert(/unix:\S* had lost its file: made anew/.test(server.output), server.output);
  assertEquals(await whoServes(socket), `pid ${server.procs().at(-1)?.pid}`);
  // What is there now stays.
  await server.says(/has left/);
  const { ino } = Deno.lstatSync(socket);
  server.signal("SIGHUP");
  await server.says(/Reloaded: /, 2);
  assertEquals(Deno.lstatSync(socket).ino, ino);
  await server.stop();
  assert(!exists(socket));
});

sceneTest("HUP whose socket cannot be put back says so, and changes nothing", async (scene) => {
  const { server, socket } = await serve(scene);
  const procs = server.procs();
  Deno.removeSync(dirname(socket), { recursive: true });
  server.signal("SIGHUP");
  await server.says(/all stays as it was: Cannot listen on unix:\S*app\.sock: /);
  assertEquals(server.procs(), procs);
  Deno.mkdirSync(dirname(socket));
  server.signal("SIGHUP");
  await server.says(/Reloaded: /);
  assertEquals((await whoServes(socket)).slice(0, 4), "pid ");
});

sceneTest("a reload that fails leaves no socket that it has put back", async (scene) => {
  const { server, socket } = await serve(scene);
  Deno.removeSync(socket);
  scene.write("app.ts", "throw new Error('half an edit');\n");
  const descriptors: number[] = [];
  for (let times = 1; times <= 5; times++) {
    server.signal("SIGHUP");
    await server.says(/all stays as it was: .*half an edit/, times);
    await until("its socket is closed", () => !exists(socket));
    descriptors.push(descriptorsOf(server.pid));
  }
  assert(descriptors.at(-1)! < descriptors[0]! + 4, descriptors.join());
  scene.write("app.ts", HELLO);
  server.signal("SIGHUP");
  await server.says(/Reloaded: /);
  assertEquals((await whoServes(socket)).slice(0, 4), "pid ");
});

sceneTest(
  "USR2 of a manager whose socket has lost its file: the new one makes it",
  async (scene) => {
    const { server, socket, pid } = await serve(scene);
    Deno.removeSync(socket);
    server.signal("SIGUSR2");
    await server.ready(2);
    const successor = Number(Deno.readTextFileSync(`${pid}.2`));
    const answer = await whoServes(socket);
    server.signal("SIGTERM");
    assertEquals((await server.status).code, 0);
    assertEquals(await whoServes(socket), answer);
    Deno.kill(successor, "SIGTERM");
    await until("the new one has stopped", () => look(successor) === null);
    assert(!exists(socket));
  },
);
