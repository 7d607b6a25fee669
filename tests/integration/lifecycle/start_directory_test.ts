import { assert, assertEquals } from "@std/assert";
import { sceneTest } from "../../support/scene.ts";
import { look } from "../../support/processes.ts";
import { until } from "../../support/wait.ts";

sceneTest(
  "a release that a symlink is switched to is served after HUP and USR2",
  async (scene) => {
    const { directory } = scene;
    const current = `${directory}/current`;
    using free = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const { port } = free.addr as Deno.NetAddr;
    free.close();
    const release = (name: string) => {
      // A member of a workspace, which Deno looks for by its place.
      scene.write(`${name}/deno.json`, `{ "workspace": ["./web"] }`);
      const member = { name: "@shop/web", exports: "./app.ts", imports: { word: "./word.ts" } };
      scene.write(`${name}/web/deno.json`, JSON.stringify(member));
      scene.write(`${name}/web/word.ts`, `export const word = "${name}";\n`);
      const app = `import { word } from "word";
export default { fetch: () => new Response(word) };\n`;
      scene.write(`${name}/web/app.ts`, app);
      const lines = [`bind: 127.0.0.1:${port}`, "workers: 1", "app: app.ts", `proc_name: ${name}`];
      scene.write(`${name}/web/denicorn.yaml`, lines.join("\n"));
      const link = `${directory}/next`;
      Deno.symlinkSync(`${directory}/${name}`, link);
      Deno.renameSync(link, current);
    };
    release("first");
    const cwd = `${current}/web`;
    const server = scene.run([], { cwd, env: { PWD: cwd } });
    await server.ready(1);
    assertEquals(await server.get(), "first");

    release("second");
    server.signal("SIGHUP");
    await server.says(/Reloaded: /);
    // Once the old proc is gone: as long as it leaves, it may be asked as well.
    await until("the old proc is gone", () => server.procs().length === 1);
    assertEquals(await server.get(), "second");
    Deno.removeSync(`${directory}/first`, { recursive: true });
    Deno.kill(server.procs()[0]!.pid, "SIGKILL");
    await server.ready(3);
    assertEquals(await server.get(), "second");

    release("third");
    server.signal("SIGUSR2");
    await server.ready(4);
    const successor = Number(/A new manager, pid (\d+)/.exec(server.output)?.[1]);
    server.signal("SIGTERM");
    assertEquals((await server.status).code, 0);
    assertEquals(await server.get(), "third");
    assert(look(successor)?.command.includes("third"), "its configuration is the release's, too");
    Deno.kill(successor, "SIGTERM");
    await until("the new one has stopped too", () => look(successor) === null);
  },
);

sceneTest(
  "in a directory reached by a symlink, .. is what the shell finds there",
  async (scene) => {
    const { directory } = scene;
    scene.write(
      "releases/first/app.ts",
      `export default { fetch: () => new Response("first") };\n`,
    );
    scene.write("releases/shared.yaml", "app: app.ts\nworkers: 1\nbind: 127.0.0.1:0\n");
    scene.write("shared.yaml", "app: nothing.ts\n");
    const cwd = `${directory}/current`;
    Deno.symlinkSync("releases/first", cwd);
    const args = ["-c", "../shared.yaml", "--pid", "../run.pid"];
    const server = scene.run(args, { cwd, env: { PWD: cwd } });
    await server.ready(1);
    assertEquals(await server.get(), "first");
    assertEquals(Number(Deno.readTextFileSync(`${directory}/releases/run.pid`)), server.pid);
  },
);

sceneTest("a PWD that is not the current directory has no say", async (scene) => {
  scene.write("here/denicorn.yaml", "app: app.ts\nworkers: 1\nbind: 127.0.0.1:0\n");
  scene.write("here/app.ts", `export default { fetch: () => new Response(Deno.cwd()) };\n`);
  scene.write("elsewhere/denicorn.yaml", "app: nothing.ts\n");
  const env = { PWD: `${scene.directory}/elsewhere` };
  const server = scene.run([], { cwd: `${scene.directory}/here`, env });
  await server.ready(1);
  assertEquals(await server.get(), `${scene.directory}/here`);
});
