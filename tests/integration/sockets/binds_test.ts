/** The real program on every kind of address. */

import { assert, assertEquals } from "@std/assert";
import { losesQueues } from "../../../src/os/listen/sysctl.ts";
import { Load } from "../../support/load.ts";
import { HELLO, type Scene, sceneTest } from "../../support/scene.ts";
import { until } from "../../support/wait.ts";
import type { Running } from "../../support/running.ts";
import { hasTool, runTool } from "../../support/tools.ts";
import { ask, askOver, local } from "../../support/http.ts";
import { exists } from "../../support/files.ts";

for (const workers of [0, 2]) {
  const kind = workers === 0 ? "one process" : "procs";

  sceneTest(`${kind}: several addresses at once, IPv4, IPv6, unix and abstract`, async (scene) => {
    const path = `${scene.directory}/app.sock`;
    const name = `denicorn-${crypto.randomUUID()}`;
    const binds = ["127.0.0.1:0", "[::1]:0", `unix:${path}`, `unix:@${name}`];
    const server = await start(scene, binds, workers, "--unix-mode", "600");
    const said = /Listening at (.*)/.exec(server.output)?.[1] ?? "";
    const port6 = Number(/\[::1\]:(\d+)/.exec(said)?.[1]);
    assert(port6 > 0, said);
    for (
      const address of [
        local(server.port),
        { transport: "tcp", hostname: "::1", port: port6 },
        { transport: "unix", path },
        { transport: "unix", path: `\0${name}` },
      ] as const
    ) {
      assertEquals((await ask(address)).slice(0, 4), "pid ");
    }
    assertEquals(Deno.lstatSync(path).mode! & 0o777, 0o600);
    await server.stop();
    assertEquals([...Deno.readDirSync(scene.directory)].map((file) => file.name), ["app.ts"]);
  });

  sceneTest(
    `${kind}: a unix socket where the loopback is down, with all of Deno's server`,
    async (scene) => {
      const path = `${scene.directory}/app.sock`;
      const args = ["-b", `unix:${path}`];
      const server = scene.launch({ args, workers, prefix: ["unshare", "--net"] });
      await server.says(/Ready:/);
      assertEquals((await ask({ transport: "unix", path })).slice(0, 4), "pid ");
      assert(!/WARNING|falling back/.test(server.output), server.output);
    },
    { needs: await hasOwnNetworks() },
  );

  for (const tls of [false, true]) {
    const what = `0.0.0.0 and [::] of one port${tls ? ", with TLS" : ""}`;

    sceneTest(`${kind}: ${what}, are two addresses`, async (scene) => {
      const free = Deno.listen({ hostname: "0.0.0.0", port: 0 });
      const { port } = free.addr;
      free.close();
      const { certfile, keyfile } = await scene.certificate();
      const args = tls ? ["--certfile", certfile, "--keyfile", keyfile] : [];
      const server = await start(scene, [`0.0.0.0:${port}`, `[::]:${port}`], workers, ...args);
      const caCerts = [Deno.readTextFileSync(certfile)];
      for (const hostname of ["127.0.0.1", "::1"]) {
        const plain = await Deno.connect({ hostname, port });
        using conn = tls ? await Deno.startTls(plain, { hostname: "localhost", caCerts }) : plain;
        assertEquals((await askOver(conn)).slice(0, 4), "pid ");
      }
      assert(!server.output.includes("in use"), server.output);
    });
  }

  sceneTest(`${kind}: the socket file of a server that was killed is taken over`, async (scene) => {
    const path = `${scene.directory}/app.sock`;
    const killed = await start(scene, [`unix:${path}`], workers);
    killed.signal("SIGKILL");
    await killed.end();
    assert(Deno.lstatSync(path).isSocket);
    await start(scene, [`unix:${path}`], workers);
    assertEquals((await ask({ transport: "unix", path })).slice(0, 4), "pid ");
  });

  sceneTest(
    `${kind}: a path too long for a unix socket is refused, as it is bound`,
    async (scene) => {
      const directory = `${scene.directory}/${"d".repeat(100)}`;
      Deno.mkdirSync(directory);
      const args = ["--chdir", directory, "-b", "unix:app.sock"];
      const server = scene.launch({ args, workers });
      assertEquals((await server.end()).code, 2);
      const path = `${directory}/app.sock`;
      assertEquals(
        server.output,
        `denicorn: bind (command line -b): unix:${path}: the path has ${path.length} bytes, ` +
          "a unix socket takes 107: choose a shorter one\n",
      );
    },
  );

  sceneTest(`${kind}: an interface that is not there is an error that says so`, async (scene) => {
    const server = scene.launch({ args: ["-b", "[fe80::1%nosuch0]:0"], workers });
    assertEquals((await server.end()).code, 1);
    assert(/"nosuch0".*no such network interface/.test(server.output), server.output);
  });

  sceneTest(`${kind}: what umask leaves is the mode of a unix socket`, async (scene) => {
    const path = `${scene.directory}/app.sock`;
    await start(scene, [`unix:${path}`], workers, "--umask", "0007");
    assertEquals(Deno.lstatSync(path).mode! & 0o777, 0o770);
  });

  sceneTest(`${kind}: a socket file in use is an error, and is left alone`, async (scene) => {
    const path = `${scene.directory}/app.sock`;
    await start(scene, [`unix:${path}`], workers);
    const second = scene.launch({ args: ["-b", `unix:${path}`], workers });
    assertEquals((await second.end()).code, 1);
    assert(second.output.includes("another server listens on it"), second.output);
    assertEquals((await ask({ transport: "unix", path })).slice(0, 4), "pid ");
  });
}

/** A link-local address of this machine, with its zone; null where there is none. */
function linkLocal(): string | null {
  const found = Deno.networkInterfaces().find(({ family, address }) =>
    family === "IPv6" && /^fe80:/i.test(address)
  );
  return found === undefined ? null : `${found.address}%${found.name}`;
}

for (const workers of ["0", "1"]) {
  for (const listener of ["reuseport", "shared"]) {
    sceneTest(
      `a link-local address is served in its zone: workers ${workers}, listener ${listener}`,
      async (scene) => {
        const app = scene.write("app.ts", HELLO);
        const hostname = linkLocal()!;
        const binds = ["-b", "127.0.0.1:0", "-b", `[${hostname}]:0`];
        const server = scene.run(["-w", workers, "--listener", listener, ...binds, app]);
        await server.says(/Listening at .*http:\/\/\[fe80:/);
        if (workers !== "0") await server.ready(1);
        const port = Number(/%25[^\]]*\]:(\d+)/.exec(server.output)?.[1]);
        assertEquals((await ask({ transport: "tcp", hostname, port })).slice(0, 4), "pid ");
      },
      { needs: linkLocal() !== null },
    );
  }
}

for (const [kind, workers] of [["procs", 1], ["one process", 0]] as const) {
  sceneTest(`${kind}: no socket file is left by who does not come to serve`, async (scene) => {
    using holder = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const path = `${scene.directory}/app.sock`;
    const start = (app: string, ...args: string[]) =>
      scene.launch({ app, workers, args: ["-b", `unix:${path}`, ...args] });
    const refused = start("throw new Error('broken');\n");
    assertEquals((await refused.end()).code, 4);
    assert(!exists(path), "after an app that cannot be loaded");

    const waiting = start(HELLO, "-b", `127.0.0.1:${holder.addr.port}`);
    await waiting.says(/is in use; trying again/);
    await waiting.stop("SIGINT");
    assert(!exists(path), "after Ctrl-C while a port is waited for");
  });
}

sceneTest("a reload moves the server to another address, and back", async (scene) => {
  const [a, b] = [`${scene.directory}/a.sock`, `${scene.directory}/b.sock`];
  const config = (...binds: string[]) => scene.write("c.yaml", `bind: ${JSON.stringify(binds)}\n`);
  const file = config(`unix:${a}`);
  const app = scene.write("app.ts", HELLO);
  const server = scene.run(["-c", file, "-w", "2", app]);
  await server.ready(2);
  const steps = [[`unix:${a}`, `unix:${b}`], [`unix:${b}`], [`unix:${a}`]];
  for (const [i, binds] of steps.entries()) {
    config(...binds);
    server.signal("SIGHUP");
    await server.ready(4 + 2 * i);
    await server.says(/has left/, 2 + 2 * i);
    const open = [a, b].filter((path) => binds.includes(`unix:${path}`));
    await until("the old addresses are closed", () => {
      return [a, b].filter((path) => exists(path)).join() === open.join();
    });
    for (const path of open) await ask({ transport: "unix", path });
  }
});

sceneTest(
  "a reload that adds and drops an address loses nothing on one that stays",
  async (scene) => {
    const path = `${scene.directory}/other.sock`;
    const [kept, other] = ["127.0.0.1:0", `unix:${path}`];
    const config = (...binds: string[]) =>
      scene.write("c.yaml", `bind: ${JSON.stringify(binds)}\n`);
    const app = scene.write("app.ts", HELLO);
    const server = scene.run(["-c", config(kept), "-w", "2", app]);
    await server.ready(2);
    const load = new Load({ port: server.port, clients: { fresh: 4, kept: 4, post: 4 } });
    for (const [i, binds] of [[kept, other], [kept], [other, kept]].entries()) {
      config(...binds);
      server.signal("SIGHUP");
      await server.says(/Reloaded: /, i + 1);
      if (binds.includes(other)) await ask({ transport: "unix", path });
      else await until("it is closed", () => !exists(path));
      const answered = load.requests;
      await until("requests are answered", () => load.requests > answered + 100);
    }
    assertEquals((await load.stop()).failures, []);
  },
);

sceneTest("the backlog is the kernel's, of each address", async (scene) => {
  const server = await scene.start({ workers: 1, args: ["--backlog", "7"] });
  const { stdout } = await new Deno.Command("ss", {
    args: ["-Hltn", `sport = :${server.port}`],
  }).output();
  // State, Recv-Q, and Send-Q, which is the backlog of a socket that listens.
  assertEquals(new TextDecoder().decode(stdout).trim().split(/\s+/)[2], "7");
}, { needs: hasTool("ss") });

sceneTest("a reload that cannot have its address leaves all as it was", async (scene) => {
  using other = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const path = `${scene.directory}/a.sock`;
  const app = scene.write("app.ts", HELLO);
  const file = scene.write("c.yaml", `bind: "unix:${path}"\n`);
  const server = scene.run(["-c", file, "-w", "1", app]);
  await server.ready(1);
  scene.write("c.yaml", `bind: "127.0.0.1:${other.addr.port}"\n`);
  server.signal("SIGHUP");
  await server.says(/Cannot reload, all stays as it was: Cannot listen on 127.0.0.1/);
  await ask({ transport: "unix", path });
});

sceneTest("a shared socket keeps its queue over a killed proc", async (scene) => {
  const server = await scene.start({ workers: 1, args: ["--listener", "shared"] });
  const [proc] = server.procs();
  Deno.kill(proc!.pid, "SIGSTOP");
  const answers = Array.from({ length: 20 }, () => ask(local(server.port)));
  await until("they wait in the queue", () => queued(server.port) >= 20);
  Deno.kill(proc!.pid, "SIGKILL");
  const names = new Set(await Promise.all(answers));
  assertEquals(names.size, 1);
  assert(!names.has(`pid ${proc!.pid}`));
});

sceneTest("what a killed proc would lose is said once, where it would", async (scene) => {
  const own = await scene.start({ workers: 1 });
  const shared = await scene.start({ workers: 1, args: ["--listener", "shared"] });
  const advice = (text: string) => text.split("tcp_migrate_req=1").length - 1;
  assertEquals(advice(own.output), losesQueues() ? 1 : 0);
  assertEquals(advice(shared.output), 0);
});

/** Connections that wait to be accepted, as /proc/net/tcp tells of a socket that listens. */
function queued(port: number): number {
  const local = `0100007F:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  const line = Deno.readTextFileSync("/proc/net/tcp").split("\n")
    .map((line) => line.trim().split(/\s+/))
    .find((fields) => fields[1] === local && fields[3] === "0A");
  return parseInt(line?.[4]?.split(":")[1] ?? "0", 16);
}

/** Whether this machine lets us have a network of our own, whose loopback is down at first. */
async function hasOwnNetworks(): Promise<boolean> {
  return hasTool("unshare") && (await runTool("unshare", "--net", "true")).success;
}

async function start(
  scene: Scene,
  binds: readonly string[],
  workers: number,
  ...args: string[]
): Promise<Running> {
  const server = scene.launch({
    args: [...binds.flatMap((bind) => ["-b", bind]), ...args],
    workers,
  });
  await server.says(workers === 0 ? /Listening at/ : /Proc \d+, pid \d+, is ready/, workers || 1);
  return server;
}
