import { assert, assertEquals, assertMatch } from "@std/assert";
import { HELLO, sceneTest } from "../../support/scene.ts";
import { look } from "../../support/processes.ts";
import { until } from "../../support/wait.ts";
import { exists, readPid } from "../../support/files.ts";

sceneTest(
  "USR2: a new manager beside the old one; TERM to the old one completes it",
  async (scene) => {
    const pid = `${scene.directory}/app.pid`;
    using free = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const { port } = free.addr as Deno.NetAddr;
    free.close();
    const args = ["-b", `127.0.0.1:${port}`, "--pid", pid];
    const server = await scene.start({ workers: 1, args });
    server.signal("SIGUSR2");
    await server.ready(2);
    const successor = await until("it has a pid file", () => readPid(`${pid}.2`));
    assert(successor !== server.pid);
    assertEquals(readPid(pid), server.pid);
    const seen = new Set<string>();
    await until("both serve", async () => seen.add(await server.get()).size === 2);

    server.signal("SIGTERM");
    assertEquals((await server.status).code, 0);
    // It is written before the one beside it goes: a server is never without.
    await until(
      "the pid file is the new one's alone",
      () => readPid(pid) === successor && !exists(`${pid}.2`),
    );
    const [proc] = server.everyProcess().filter(({ ppid }) => ppid === successor);
    assertEquals(await server.get(), `pid ${proc?.pid}`);
    Deno.kill(successor, "SIGTERM");
    await until("the new one has stopped too", () => look(successor) === null);
    assert(!exists(pid));
  },
);

sceneTest("USR2, then TERM to the new manager: the old one goes on as before", async (scene) => {
  const pid = `${scene.directory}/app.pid`;
  const path = `${scene.directory}/app.sock`;
  const server = scene.launch({ workers: 1, args: ["-b", `unix:${path}`, "--pid", pid] });
  await server.ready(1);
  server.signal("SIGUSR2");
  await server.ready(2);
  server.signal("SIGUSR2");
  await server.says(/two managers already/);
  const successor = await until("it has a pid file", () => readPid(`${pid}.2`));
  Deno.kill(successor, "SIGTERM");
  await server.says(/The new manager exited with code 0.*; this one goes on/);
  assert(!exists(`${pid}.2`));
  using client = Deno.createHttpClient({ proxy: { transport: "unix", path } });
  const response = await fetch("http://localhost/", { client });
  assertEquals(await response.text(), `pid ${server.procs()[0]?.pid}`);
  server.signal("SIGTERM");
  assertEquals((await server.end()).code, 0);
  assert(!exists(path));
});

sceneTest("USR2 with a new manager that cannot start: the old one goes on", async (scene) => {
  const server = await scene.start({ workers: 1 });
  scene.write("app.ts", "throw new Error('half an upgrade');\n");
  server.signal("SIGUSR2");
  await server.says(/The new manager exited with code 4 .*; this one goes on/);
  assertEquals(await server.get(), `pid ${server.procs()[0]?.pid}`);
});

sceneTest(
  "USR2 with a new manager that cannot have an address: the old one keeps its socket",
  async (scene) => {
    const path = `${scene.directory}/app.sock`;
    const app = scene.write("app.ts", HELLO);
    const config = (...binds: string[]) =>
      scene.write("denicorn.yaml", `app: ${app}\nworkers: 1\nbind: ${JSON.stringify(binds)}\n`);
    config(`unix:${path}`);
    const server = scene.run([]);
    await server.ready(1);
    config(`unix:${path}`, "unix:/nowhere/b.sock");
    server.signal("SIGUSR2");
    await server.says(/The new manager exited with code 1 .*; this one goes on/);
    using client = Deno.createHttpClient({ proxy: { transport: "unix", path } });
    const response = await fetch("http://localhost/", { client });
    assertEquals(await response.text(), `pid ${server.procs()[0]?.pid}`);
  },
);

for (const late of ["old", "new", null]) {
  const who = late === null ? "neither" : `the ${late} one`;
  sceneTest(`USR2, then TERM to both, ${who} with a request: no file stays`, async (scene) => {
    const path = `${scene.directory}/app.sock`;
    const app = `export default {
  fetch: () => (console.log("asked"), new Promise((resolve) => setTimeout(resolve, 500, new Response()))),
};\n`;
    const server = scene.launch({ workers: 1, app, args: ["-b", `unix:${path}`], group: true });
    await server.ready(1);
    const asked = async () => {
      const conn = await Deno.connect({ transport: "unix", path });
      await conn.write(new TextEncoder().encode("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
      await server.says(/asked/);
      return conn;
    };
    using _first = late === "old" ? await asked() : null;
    server.signal("SIGUSR2");
    await server.ready(2);
    const successor = Number(/A new manager, pid (\d+)/.exec(server.output)?.[1]);
    if (late === "new") {
      server.signal("SIGWINCH");
      await server.says(/has left/);
    }
    using _second = late === "new" ? await asked() : null;
    server.signal("SIGTERM");
    Deno.kill(successor, "SIGTERM");
    await server.end();
    await until("both have stopped", () => look(successor) === null);
    assert(!exists(path));
  });
}

sceneTest(
  "USR2: a new manager serves though the old one has gone before it came up",
  async (scene) => {
    const path = `${scene.directory}/app.sock`;
    const server = scene.launch({ workers: 1, args: ["-b", `unix:${path}`] });
    await server.ready(1);
    server.signal("SIGUSR2");
    await server.says(/A new manager, pid \d+, starts/);
    const successor = Number(/A new manager, pid (\d+)/.exec(server.output)?.[1]);
    // Before it has read what it was handed: it takes Deno longer than that to start.
    server.signal("SIGKILL");
    await server.ready(2);
    using client = Deno.createHttpClient({ proxy: { transport: "unix", path } });
    assert((await (await fetch("http://localhost/", { client })).text()).startsWith("pid "));
    Deno.kill(successor, "SIGTERM");
    await until("it has stopped", () => look(successor) === null);
    assert(!exists(path));
  },
);

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
