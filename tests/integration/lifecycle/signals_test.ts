import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { HELLO, sceneTest } from "../../support/scene.ts";
import { until } from "../../support/wait.ts";

const versioned = (version: string) =>
  `export default { fetch: () => new Response(${JSON.stringify(version)}) };\n`;

sceneTest("TTIN starts one proc more, TTOU ends one, down to the last", async (scene) => {
  const server = await scene.start({ workers: 1 });
  const [first] = server.procs();
  server.signal("SIGTTIN");
  await server.ready(2);
  assertEquals(server.procs().length, 2);
  server.signal("SIGTTOU");
  await until("one is left", () => server.procs().length === 1);
  assertNotEquals(server.procs()[0]!.pid, first!.pid, "the oldest goes");
  server.signal("SIGTTOU");
  await server.says(/Signal SIGTTOU/, 2);
  assertEquals(await server.get(), `pid ${server.procs()[0]!.pid}`);
});

sceneTest("HUP replaces every proc by one with the new code", async (scene) => {
  const server = await scene.start({ app: versioned("old"), workers: 2 });
  const before = server.procs().map(({ pid }) => pid);
  scene.write("app.ts", versioned("new"));
  server.signal("SIGHUP");
  await server.says(/Reloaded: 2 worker processes serve http:\/\/127\.0\.0\.1:\d+\/\n/);
  await until("the old ones are gone", () => server.procs().length === 2);
  assert(server.procs().every(({ pid }) => !before.includes(pid)));
  for (let i = 0; i < 10; i++) assertEquals(await server.get(), "new");
});

sceneTest("HUP with broken code: the old procs go on, and the log says why", async (scene) => {
  const server = await scene.start({ app: versioned("old"), workers: 2 });
  const before = server.procs().map(({ pid }) => pid);
  scene.write("app.ts", "throw new Error('half an edit');\n");
  server.signal("SIGHUP");
  await server.says(/Cannot reload, all stays as it was: .*half an edit/);
  assertEquals(server.procs().map(({ pid }) => pid), before);
  assertEquals(await server.get(), "old");
  assert(!server.output.includes("Reloaded"));
  scene.write("app.ts", versioned("new"));
  server.signal("SIGHUP");
  await until("the new code serves", async () => await server.get() === "new");
});

sceneTest("HUP reads the configuration again; a broken one changes nothing", async (scene) => {
  const path = scene.write("app.ts", HELLO);
  const config = (workers: string) =>
    scene.write("denicorn.yaml", `app: ${path}\nbind: 127.0.0.1:0\nworkers: ${workers}\n`);
  config("1");
  const server = scene.run([]);
  await server.ready(1);
  config("many");
  server.signal("SIGHUP");
  await server.says(/Cannot reload, all stays as it was: .*workers/);
  config("0");
  server.signal("SIGHUP");
  await server.says(/Cannot reload, all stays as it was: workers: 0 is one process/);
  assertEquals(server.procs().length, 1);
  config("3");
  server.signal("SIGHUP");
  await server.ready(4);
  await until("three serve", () => server.procs().length === 3);
});

sceneTest("HUP and USR2 take no defaults for a configuration file that has gone", async (scene) => {
  const app = scene.write("app.ts", HELLO);
  const file = scene.write("denicorn.yaml", "bind: 127.0.0.1:0\nworkers: 1\n");
  const server = scene.run([app]);
  await server.ready(1);
  Deno.removeSync(file);
  server.signal("SIGHUP");
  await server.says(/Cannot reload, all stays as it was: denicorn\.yaml, which was read before/);
  server.signal("SIGUSR2");
  await server.says(/Cannot start a new manager: denicorn\.yaml, which was read before/);
  scene.write("denicorn.yaml", "bind: 127.0.0.1:0\nworkers: 2\n");
  server.signal("SIGHUP");
  await server.says(/Reloaded: 2 worker processes serve http:\/\/127\.0\.0\.1:\d+\/\n/);
  assert((await server.get()).startsWith("pid "));
});

sceneTest("HUPs in a row end in one new set of procs", async (scene) => {
  const server = await scene.start({ app: versioned("old"), workers: 2 });
  scene.write("app.ts", versioned("new"));
  for (let i = 1; i <= 5; i++) {
    server.signal("SIGHUP");
    await server.says(/Signal SIGHUP/, i);
  }
  await until(
    "two procs with the new code",
    async () =>
      server.procs().length === 2 && await server.get() === "new" && await server.get() === "new",
  );
});

for (const signals of [["SIGWINCH"], ["SIGTTOU", "SIGTTOU"]] as const) {
  sceneTest(
    `a stopped proc takes none with it that is to leave too (${signals})`,
    async (scene) => {
      const args = ["--graceful-timeout", "1"];
      const server = await scene.start({ workers: 3, group: true, args });
      const [stopped, sound] = server.procs();
      Deno.kill(stopped!.pid, "SIGSTOP");
      for (const [i, signal] of signals.entries()) {
        server.signal(signal);
        // Of two that wait the kernel makes one.
        await server.says(new RegExp(`Signal ${signal}`), i + 1);
      }
      await server.says(new RegExp(`pid ${stopped!.pid}, is killed: it did not leave`));
      await server.says(new RegExp(`pid ${sound!.pid}, has left`));
      assertEquals([...server.output.matchAll(/it did not leave/g)].length, 1);
    },
  );
}

sceneTest(
  "WINCH drains the procs and keeps the manager; HUP, not TTOU, brings them back",
  async (scene) => {
    const server = await scene.start({ workers: 2, group: true });
    server.signal("SIGWINCH");
    await until("no proc is left", () => server.procs().length === 0);
    assertEquals(server.ended, null);
    server.signal("SIGTTOU");
    await server.says(/Signal SIGTTOU/);
    server.signal("SIGHUP");
    await server.says(/Reloaded: 2 worker processes/);
    assertEquals([...server.output.matchAll(/Proc [0-9]+, pid [0-9]+, starts/g)].length, 4);
    assert((await server.get()).startsWith("pid "));
  },
);

sceneTest(
  "HUP and WINCH while the first procs boot: Ready is said when one serves",
  async (scene) => {
    const go = `${scene.directory}/go`;
    const app = `const isThere = () => Deno.stat(${
      JSON.stringify(go)
    }).then(() => true, () => false);
while (!await isThere()) await new Promise((resolve) => setTimeout(resolve, 20));
${HELLO}`;
    const server = scene.launch({ app, workers: 2, group: true });
    await server.says(/Proc 2, pid \d+, starts/);
    server.signal("SIGHUP");
    await server.says(/Proc 3, pid \d+, starts/);
    server.signal("SIGWINCH");
    await server.says(/Signal SIGWINCH/);
    scene.write("go", "");
    await server.says(/0 are enough/);
    await until("no proc is left", () => server.procs().length === 0);
    assert(!server.output.includes("Ready:"), server.output);
    server.signal("SIGTTIN");
    await server.says(/Ready: 1 worker process serves http/);
    assert((await server.get()).startsWith("pid "));
  },
);

sceneTest("USR1 opens the log anew after logrotate has moved it", async (scene) => {
  const log = `${scene.directory}/error.log`;
  const server = scene.launch({ workers: 1, args: ["--error-log", log] });
  const text = () => {
    try {
      return Deno.readTextFileSync(log);
    } catch {
      return "";
    }
  };
  await until("the proc is ready", () => text().includes("is ready"));
  Deno.renameSync(log, `${log}.1`);
  server.signal("SIGUSR1");
  await until("the log is there again", () => {
    server.signal("SIGTTIN");
    return text().includes("starts");
  });
  server.signal("SIGTERM");
  assertEquals((await server.end()).code, 0);
});

sceneTest("USR1 to any process of the server opens no debugger", async (scene) => {
  const app = `import inspector from "node:inspector";
export default { fetch: () => new Response(inspector.url() ?? "closed") };\n`;
  for (const workers of [0, 1]) {
    const server = scene.launch({ app, workers, args: ["-t", "0"] });
    await server.says(workers === 0 ? /Listening at/ : /is ready/);
    for (let i = 0; i < 10; i++) {
      for (const { pid } of server.everyProcess()) Deno.kill(pid, "SIGUSR1");
      // Deno installs its own handler half a second after the start: both sides of it are wanted.
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    assertEquals(await server.get(), "closed");
    assert(!/Debugger listening/.test(server.output), server.output);
    await server.stop();
  }
});

sceneTest("a program that the app starts can trap USR1", async (scene) => {
  const script = `trap "echo trapped" USR1; kill -USR1 $$`;
  const app = `const run = () => new Deno.Command("sh", { args: ["-c", ${
    JSON.stringify(script)
  }] });
export default { fetch: async () => new Response((await run().output()).stdout) };\n`;
  for (const workers of [0, 1]) {
    const server = scene.launch({ app, workers });
    await server.says(/Ready: /);
    assertEquals(await server.get(), "trapped\n");
    await server.stop();
  }
});
