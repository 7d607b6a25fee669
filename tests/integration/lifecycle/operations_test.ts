import { assert, assertEquals, assertThrows } from "@std/assert";
import { fetchOnce } from "../../support/running.ts";
import { HELLO, sceneTest } from "../../support/scene.ts";
import { look } from "../../support/processes.ts";
import { until } from "../../support/wait.ts";

const isRoot = Deno.uid() === 0;
const exists = (path: string) => {
  try {
    Deno.lstatSync(path);
    return true;
  } catch {
    return false;
  }
};
const readPid = (path: string) => exists(path) ? Number(Deno.readTextFileSync(path)) : null;

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

sceneTest(
  "procs have the directory, umask, environment and name that are configured",
  async (scene) => {
    const app = `export default {
  fetch: () => Response.json([Deno.cwd(), Deno.umask().toString(8), Deno.env.get("COLOUR")]),
};\n`;
    Deno.mkdirSync(`${scene.directory}/elsewhere`);
    const path = scene.write("app.ts", app);
    for (const workers of ["0", "1"]) {
      const server = scene.run([
        ...["-b", "127.0.0.1:0", "-w", workers, "--chdir", "elsewhere", "--umask", "0027"],
        ...["--env", "COLOUR=blue", "--name", "shop", path],
      ]);
      await server.says(workers === "0" ? /Listening at/ : /is ready/);
      assertEquals(JSON.parse(await server.get()), [`${scene.directory}/elsewhere`, "27", "blue"]);
      assert(look(server.pid)?.command.startsWith("shop"), look(server.pid)?.command);
      if (workers === "1") assertEquals(server.procs()[0]?.command, "shop: proc 1");
      await server.stop();
    }
  },
);

if (isRoot) {
  const WHO = `export default {
  fetch() {
    const status = Deno.readTextFileSync("/proc/self/status");
    return new Response(["Uid", "Gid"].map((it) => status.match(it + ":(.*)")[1]).join());
  },
};\n`;

  sceneTest(
    "procs become the user and group that are configured, the manager does not",
    async (scene) => {
      Deno.chmodSync(scene.directory, 0o755);
      for (const workers of [0, 1]) {
        const args = ["--user", "12345", "--group", "54321"];
        const server = scene.launch({ app: WHO, workers, args });
        await server.says(workers === 0 ? /Listening at/ : /is ready/);
        const uids = "\t12345".repeat(4);
        const gids = "\t54321".repeat(4);
        assertEquals(await server.get(), `${uids},${gids}`);
        if (workers === 1) assertEquals(Deno.statSync(`/proc/${server.pid}`).uid, 0);
        await server.stop();
      }
    },
  );

  sceneTest("procs of another user die with a killed manager as well", async (scene) => {
    Deno.chmodSync(scene.directory, 0o755);
    const server = await scene.start({ workers: 1, args: ["--user", "12345", "--group", "54321"] });
    Deno.kill(server.procs()[0]!.pid, "SIGSTOP");
    server.signal("SIGKILL");
    await server.end();
    await until("no proc is left", () => server.everyProcess().length === 0, 2_000);
  });

  sceneTest(
    "USR2 with procs of another user: both managers' procs share the port",
    async (scene) => {
      Deno.chmodSync(scene.directory, 0o755);
      using free = Deno.listen({ hostname: "127.0.0.1", port: 0 });
      const { port } = free.addr;
      free.close();
      const pid = `${scene.directory}/app.pid`;
      const args = ["-b", `127.0.0.1:${port}`, "--user", "12345", "--group", "54321", "--pid", pid];
      const server = await scene.start({ workers: 1, args });
      server.signal("SIGUSR2");
      await server.ready(2);
      const seen = new Set<string>();
      await until("both serve", async () => seen.add(await server.get()).size === 2);
      Deno.kill(readPid(`${pid}.2`)!, "SIGTERM");
      await server.says(/this one goes on/);
    },
  );

  sceneTest(
    "the access log belongs to the user of the procs, after logrotate too",
    async (scene) => {
      Deno.chmodSync(scene.directory, 0o755);
      const log = `${scene.directory}/access.log`;
      const args = ["--user", "12345", "--group", "54321", "--access-log", log];
      const server = await scene.start({ workers: 1, args });
      await server.get("/before");
      await until("it is logged", () => Deno.readTextFileSync(log).includes("/before"));
      Deno.renameSync(log, `${log}.1`);
      server.signal("SIGUSR1");
      await until("the log is there again", () => exists(log));
      await until("what comes now is logged there", async () => {
        await server.get("/after");
        return Deno.readTextFileSync(log).includes("/after");
      });
      assertEquals(Deno.statSync(log).uid, 12345);
    },
  );

  sceneTest(
    "a user that does not exist: exit code 1, and nothing serves as root",
    async (scene) => {
      const server = scene.launch({ args: ["--user", "nobody-of-that-name"] });
      assertEquals((await server.end()).code, 1);
      assert(server.output.includes("nobody-of-that-name"), server.output);
      assertThrows(() => server.procs()[0]!.pid);
    },
  );
}

/** Whether this machine lets us have a process 1 of our own. */
async function canUnshare(): Promise<boolean> {
  if (!isRoot) return false;
  try {
    const args = ["--pid", "--mount", "--fork", "mount", "-t", "proc", "proc", "/proc"];
    return (await new Deno.Command("unshare", { args, stderr: "null" }).output()).success;
  } catch {
    return false;
  }
}

if (await canUnshare()) {
  sceneTest("as process 1 it reaps the zombies of others", async (scene) => {
    const app = scene.write("app.ts", HELLO);
    const mod = new URL("../../../mod.ts", import.meta.url).pathname;
    // The orphans' parents end at once, so that the orphans are process 1's, which is to be ours.
    const script = `mount -t proc proc /proc
for i in 1 2 3; do (sh -c 'sleep 0.5; echo died >> ${scene.directory}/deaths' &); done
exec ${Deno.execPath()} run -A ${mod} -w 1 -b 127.0.0.1:0 ${app}`;
    const child = new Deno.Command("unshare", {
      args: ["--pid", "--mount", "--fork", "--kill-child", "sh", "-c", script],
      stdout: "null",
      stderr: "piped",
    }).spawn();
    let said = "";
    const reading = (async () => {
      for await (const text of child.stderr.pipeThrough(new TextDecoderStream())) said += text;
    })();
    try {
      await until("it is ready", () => said.includes("is ready"));
      assert(said.includes("process id 1\n"), said);
      const first = childrenOf(child.pid)[0]!;
      const deaths = `${scene.directory}/deaths`;
      await until(
        "the orphans have died",
        () => exists(deaths) && Deno.readTextFileSync(deaths).split("died").length === 4,
      );
      await until("only the proc is left", () => childrenOf(first).length === 1);
      const url = /Listening at (\S+)/.exec(said)![1]!;
      assertEquals(await fetchOnce(url).then((it) => it.status), 200);
    } finally {
      child.kill("SIGKILL");
      await child.status;
      await reading;
    }
  });
}

/** Children of a process, zombies among them. */
function childrenOf(parent: number): number[] {
  const children = Deno.readTextFileSync(`/proc/${parent}/task/${parent}/children`);
  return children.trim().split(" ").filter((pid) => pid !== "").map(Number);
}

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
