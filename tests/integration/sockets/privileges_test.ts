/** What only root may have is taken before the procs become another user. */

import { assert, assertEquals } from "@std/assert";
import { ask, local } from "../../support/http.ts";
import { descriptorsOf } from "../../support/processes.ts";
import { type Scene, sceneTest } from "../../support/scene.ts";
import { WITHOUT_CHOWN } from "../../support/tools.ts";

const APP = `export default { fetch: () => new Response("user " + Deno.uid()) };\n`;
const NOBODY = ["--user", "12345", "--group", "54321"];

if (Deno.uid() === 0) {
  for (const workers of [0, 2]) {
    const kind = workers === 0 ? "one process" : "procs";

    sceneTest(`${kind} of another user listen on a port that needs root`, async (scene) => {
      const port = freePrivilegedPort();
      await start(scene, workers, "-b", `127.0.0.1:${port}`);
      assertEquals(await ask(local(port)), "user 12345");
    });

    sceneTest(
      `${kind} of another user serve TLS with a key that root alone reads`,
      async (scene) => {
        const { certfile, keyfile } = await scene.certificate();
        Deno.chmodSync(keyfile, 0o400);
        const server = await start(scene, workers, "--certfile", certfile, "--keyfile", keyfile);
        using client = Deno.createHttpClient({ caCerts: [Deno.readTextFileSync(certfile)] });
        const response = await fetch(`https://localhost:${server.port}/`, { client });
        assertEquals(await response.text(), "user 12345");
      },
    );
  }

  sceneTest("procs of another user share a port with those of a reload", async (scene) => {
    const server = await start(scene, 2);
    server.signal("SIGHUP");
    await server.ready(4);
    assertEquals(await server.get(), "user 12345");
  });

  sceneTest("HUP cannot give a port to procs of another user, and says so", async (scene) => {
    Deno.chmodSync(scene.directory, 0o755);
    const app = scene.write("app.ts", APP);
    const config = (user: string) =>
      scene.write("denicorn.yaml", `app: ${app}\nbind: 127.0.0.1:0\nworkers: 1\n${user}`);
    config("");
    const server = scene.run([]);
    await server.ready(1);
    config(`user: "12345"\ngroup: "54321"\n`);
    server.signal("SIGHUP");
    await server.says(/all stays as it was: .*sockets of another user .*listener: shared/);
    await server.get();
    config("listener: shared\n");
    server.signal("SIGHUP");
    await server.says(/Reloaded: /);
    config(`listener: shared\nuser: "12345"\ngroup: "54321"\n`);
    server.signal("SIGHUP");
    await server.says(/Reloaded: /, 2);
    await server.get();
    // Those that procs bind are theirs, the shared one is the manager's.
    config(`user: "12345"\ngroup: "54321"\n`);
    server.signal("SIGHUP");
    await server.says(/all stays as it was: .*sockets of another user .*listener: shared/, 2);
    assertEquals(await server.get(), "user 12345");
  });

  for (const workers of [0, 1]) {
    sceneTest(
      `a unix socket belongs to user and group, unless told otherwise, workers ${workers}`,
      async (scene) => {
        const [own, other] = [`${scene.directory}/own`, `${scene.directory}/other`];
        await start(scene, workers, "-b", `unix:${own}`);
        const told = ["--unix-user", "2", "--unix-mode", "0666"];
        await start(scene, workers, "-b", `unix:${other}`, ...told);
        const owner = (path: string) => {
          const { uid, gid, mode } = Deno.lstatSync(path);
          return [uid, gid, mode! & 0o777];
        };
        assertEquals(owner(own).slice(0, 2), [12345, 54321]);
        assertEquals(owner(other), [2, 54321, 0o666]);
      },
    );
  }
}

for (const workers of [1, 0]) {
  sceneTest(
    `a unix socket that cannot be given away: exit code 1, workers ${workers}`,
    async (scene) => {
      const path = `${scene.directory}/app.sock`;
      const args = ["-b", `unix:${path}`, "--unix-user", "2"];
      const server = scene.launch({ app: APP, workers, args, prefix: WITHOUT_CHOWN });
      assertEquals((await server.end()).code, 1);
      const said = "denicorn: Cannot give unix:" + path + " to user 2";
      assert(server.output.startsWith(said), server.output);
      assert(server.output.includes("only root may give it to others"), server.output);
      assertEquals([...Deno.readDirSync(scene.directory)].map(({ name }) => name), ["app.ts"]);
    },
    { needs: Deno.uid() === 0 },
  );
}

sceneTest(
  "a reload whose socket cannot be given away leaves nothing, however often",
  async (scene) => {
    const path = `${scene.directory}/app.sock`;
    const app = scene.write("app.ts", APP);
    const config = (...binds: string[]) =>
      scene.write(
        "denicorn.yaml",
        `app: ${app}\nworkers: 1\nunix_user: "2"\nbind: ${JSON.stringify(binds)}\n`,
      );
    config("127.0.0.1:0");
    const server = scene.run([], { prefix: WITHOUT_CHOWN });
    await server.ready(1);
    config("127.0.0.1:0", `unix:${path}`);
    const descriptors: number[] = [];
    for (let times = 1; times <= 21; times++) {
      server.signal("SIGHUP");
      await server.says(/all stays as it was: Cannot give unix:\S* to user 2/, times);
      descriptors.push(descriptorsOf(server.pid));
    }
    // One for each would be twenty; a few come and go.
    assert(descriptors.at(-1)! < descriptors[0]! + 10, descriptors.join());
    assertEquals([...Deno.readDirSync(scene.directory)].map(({ name }) => name).sort(), [
      "app.ts",
      "denicorn.yaml",
    ]);
  },
  { needs: Deno.uid() === 0 },
);

async function start(scene: Scene, workers: number, ...args: string[]) {
  // The other user has to find the app.
  Deno.chmodSync(scene.directory, 0o755);
  const server = scene.launch({ app: APP, workers, args: [...NOBODY, ...args] });
  await (workers === 0 ? server.says(/Listening at/) : server.ready(workers));
  return server;
}

function freePrivilegedPort(): number {
  for (let port = 1_023; port > 512; port--) {
    try {
      Deno.listen({ hostname: "127.0.0.1", port }).close();
      return port;
    } catch {
      continue;
    }
  }
  throw new Error("no port below 1024 is free");
}
