import { assert, assertEquals } from "@std/assert";
import { HELLO, sceneTest } from "../../support/scene.ts";
import { until } from "../../support/wait.ts";
import { exists, readPid } from "../../support/files.ts";

const SLOW = `export default {
  fetch() {
    console.log("slow has begun");
    return new Promise(() => {});
  },
};
`;

sceneTest(
  "the pid file is there while the server is, and keeps a second one out",
  async (scene) => {
    const pid = `${scene.directory}/app.pid`;
    Deno.writeTextFileSync(pid, `${Deno.pid}\n`); // stale: the number is another program's
    const server = await scene.start({ workers: 1, args: ["--pid", pid] });
    assertEquals(readPid(pid), server.pid);
    const second = scene.launch({ workers: 1, args: ["--pid", pid] });
    assertEquals((await second.end()).code, 1);
    assert(second.output.includes(`A server, pid ${server.pid}, runs already`), second.output);
    assertEquals(readPid(pid), server.pid);
    await server.stop();
    assert(!exists(pid));
  },
);

for (const [kind, workers] of [["procs", 1], ["one process", 0]] as const) {
  sceneTest(
    `${kind}: who starts as another finishes waits for it, and binds nothing meanwhile`,
    async (scene) => {
      const pid = `${scene.directory}/app.pid`;
      const path = `${scene.directory}/next.sock`;
      const first = scene.launch({ app: SLOW, workers, args: ["--pid", pid] });
      await first.says(/Ready:/);
      const slow = fetch(first.url);
      await first.says(/slow has begun/);
      first.signal("SIGTERM");
      const next = scene.launch({ workers, args: ["--pid", pid, "-b", `unix:${path}`] });
      await next.says(/pid file .*app\.pid is in use; trying again/);
      assert(!exists(path), "a socket of who may yet be refused");
      first.signal("SIGINT");
      await slow.then((it) => it.body?.cancel(), () => {});
      assertEquals((await first.end()).code, 0);
      await next.says(/Ready:/);
      assertEquals(readPid(pid), next.pid);
    },
  );
}

sceneTest("Ctrl-C while an address in use is waited for leaves no pid file", async (scene) => {
  using holder = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const pid = `${scene.directory}/app.pid`;
  const server = scene.launch({ args: ["--pid", pid, "-b", `127.0.0.1:${holder.addr.port}`] });
  await server.says(/:\d+ is in use; trying again/);
  assertEquals(readPid(pid), server.pid);
  await server.stop("SIGINT");
  assert(!exists(pid));
});

sceneTest("a killed server's pid file does not keep the next one out", async (scene) => {
  const pid = `${scene.directory}/app.pid`;
  const first = await scene.start({ workers: 1, args: ["--pid", pid] });
  first.signal("SIGKILL");
  await first.end();
  assertEquals(readPid(pid), first.pid);
  const second = await scene.start({ workers: 1, args: ["--pid", pid] });
  assertEquals(readPid(pid), second.pid);
});

sceneTest("HUP moves the pid file to where the configuration says now", async (scene) => {
  const app = scene.write("app.ts", HELLO);
  const config = (pid: string) =>
    scene.write("denicorn.yaml", `app: ${app}\nbind: 127.0.0.1:0\nworkers: 1\npid: ${pid}\n`);
  config("old.pid");
  const server = scene.run([]);
  await server.ready(1);
  // Where it cannot be written it stays where it is, and going back to there is no error.
  config("nowhere/new.pid");
  server.signal("SIGHUP");
  await server.says(/Cannot write the pid file .*nowhere/);
  config("old.pid");
  server.signal("SIGHUP");
  await server.says(/Reloaded:/, 2);
  assertEquals(readPid(`${scene.directory}/old.pid`), server.pid);
  config("new.pid");
  server.signal("SIGHUP");
  await until(
    "the file has moved",
    () =>
      readPid(`${scene.directory}/new.pid`) === server.pid && !exists(`${scene.directory}/old.pid`),
  );
  assert(!server.output.includes("runs already"), server.output);
});
