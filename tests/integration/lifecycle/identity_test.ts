import { assert, assertEquals, assertThrows } from "@std/assert";
import { sceneTest } from "../../support/scene.ts";
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
