import { assertEquals, assertMatch } from "@std/assert";
import { HELLO, sceneTest } from "../../support/scene.ts";

sceneTest("USR2 to workers: 0 is refused in words, and the old manager goes on", async (scene) => {
  const path = `${scene.directory}/app.sock`;
  const log = `${scene.directory}/new.log`;
  const app = scene.write("app.ts", HELLO);
  const config = (...more: string[]) =>
    scene.write("denicorn.yaml", [`app: ${app}`, `bind: unix:${path}`, ...more, ""].join("\n"));
  config("workers: 1");
  const server = scene.run([]);
  await server.ready(1);
  config("workers: 0", `error_log: ${log}`);
  server.signal("SIGUSR2");
  await server.says(/The new manager exited with code \d .*; this one goes on/);
  for (const said of [server.output, Deno.readTextFileSync(log)]) {
    assertMatch(said, /workers: 0 is one process without a manager, which neither .* nor USR2/);
  }
  assertMatch(server.output, /The new manager exited with code 2/);
  using client = Deno.createHttpClient({ proxy: { transport: "unix", path } });
  const response = await fetch("http://localhost/", { client });
  assertEquals(await response.text(), `pid ${server.procs()[0]?.pid}`);
});
