import { assertEquals } from "@std/assert";
import { sceneTest } from "../../support/scene.ts";
import { until } from "../../support/wait.ts";

/** Tells its process; /slow answers when the file "go" is there. */
const APP = `export default {
  async fetch(request) {
    if (new URL(request.url).pathname === "/slow") {
      while (!await Deno.stat("go").catch(() => null)) await new Promise((r) => setTimeout(r, 10));
    }
    return new Response("pid " + Deno.pid);
  },
};
`;

sceneTest("a proc that leaves gets no new connection, and answers what it has", async (scene) => {
  const server = await scene.start({ app: APP, workers: 2, args: ["--chdir", scene.directory] });
  const before = new Set(server.procs().map(({ pid }) => `pid ${pid}`));
  const slow = server.get("/slow");
  server.signal("SIGHUP");
  await server.ready(4);
  await until("only new procs answer", async () => {
    const answers = await Promise.all(Array.from({ length: 20 }, () => server.get()));
    return answers.every((answer) => !before.has(answer));
  });
  scene.write("go", "");
  assertEquals(before.has(await slow), true);
});
