/** What systemd is told (sd_notify(3)): a real datagram socket hears it, in the place of systemd's. */

import { assert, assertEquals, assertMatch, assertNotMatch } from "@std/assert";
import { sceneTest } from "../../support/scene.ts";
import { runTool } from "../../support/tools.ts";
import { until } from "../../support/wait.ts";

/** An app that tells what of the protocol it finds in its environment. */
const APP = `const names = ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"];
export default {
  fetch: () => new Response("found: " + names.filter((name) => Deno.env.has(name))),
};
`;

const FREE = { hostname: "127.0.0.1", port: 0 } as const;

for (const workers of [0, 2]) {
  const who = workers === 0 ? "one process" : "a manager";

  sceneTest(`${who} tells that it is ready, reloads and stops`, async (scene) => {
    using supervisor = new Listener(`${scene.directory}/notify`);
    const server = await scene.launch({ app: APP, workers, env: supervisor.env });
    await supervisor.hears(/^READY=1$/m);
    assertMatch(supervisor.all[0]!, /^STATUS=Starting.*\nEXTEND_TIMEOUT_USEC=\d+$/);
    const ready = supervisor.all.find((text) => /^READY=1$/m.test(text));
    const what = workers === 0 ? "this one process serves" : "2 worker processes serve";
    assertEquals(ready, `READY=1\nSTATUS=${what} ${server.url}/`);
    assertEquals(await server.get(), "found: ");

    const before = await monotonicUsec();
    server.signal("SIGHUP");
    await supervisor.hears(/^READY=1$/m, 2);
    const reloading = supervisor.all.findIndex((text) => text.startsWith("RELOADING=1\n"));
    const at = Number(/^MONOTONIC_USEC=(\d+)$/m.exec(supervisor.all[reloading]!)?.[1]);
    assert(at >= before && at <= await monotonicUsec(), `${at}`);
    assert(reloading < supervisor.all.findLastIndex((text) => text.startsWith("READY=1")));
    if (workers > 0) {
      assertMatch(server.output, /Reloaded: 2/);
      assert(supervisor.all.some((text) => /STATUS=Reloading: 1 of 2 .*\nEXTEND_/.test(text)));
    }

    await server.stop();
    assertMatch(supervisor.all.at(-1)!, /^STOPPING=1\nSTATUS=Stopping\nEXTEND_TIMEOUT_USEC=\d+$/);
    assertEquals(supervisor.count(/^STOPPING=1$/m), 1);
  });

  sceneTest(`${who} gives signs of life, and none as long as it hangs`, async (scene) => {
    using supervisor = new Listener(`${scene.directory}/notify`);
    const env = { ...supervisor.env, WATCHDOG_USEC: "500000" };
    const server = scene.launch({ app: APP, workers, args: ["-t", "0"], env });
    await supervisor.hears(/^READY=1$/m);
    assertEquals(await server.get(), "found: ");
    await supervisor.hears(/^WATCHDOG=1$/, supervisor.count(/^WATCHDOG=1$/) + 4);
    server.signal("SIGSTOP");
    await until("it is silent", async () => {
      const heard = supervisor.all.length;
      await new Promise((resolve) => setTimeout(resolve, 1_000));
      return supervisor.all.length === heard;
    });
    server.signal("SIGCONT");
    await supervisor.hears(/^WATCHDOG=1$/, supervisor.count(/^WATCHDOG=1$/) + 1);
  });

  sceneTest(`${who} heeds no watchdog that is another process's`, async (scene) => {
    using supervisor = new Listener(`${scene.directory}/notify`);
    const env = { ...supervisor.env, WATCHDOG_USEC: "1000", WATCHDOG_PID: "1" };
    const server = scene.launch({ app: APP, workers, env });
    await supervisor.hears(/^READY=1$/m);
    await server.stop();
    assertEquals(supervisor.count(/WATCHDOG/), 0);
  });

  sceneTest(`${who} tells a socket whose name is abstract`, async (scene) => {
    using supervisor = new Listener(`@denicorn-${crypto.randomUUID()}`);
    const server = scene.launch({ workers, env: supervisor.env });
    await supervisor.hears(/^READY=1$/m);
    await server.stop();
    await supervisor.hears(/^STOPPING=1$/m);
  });

  for (const name of ["/nowhere/notify", "@denicorn-nobody", "vsock:2:1234"]) {
    sceneTest(`${who} serves though nobody listens at ${name}, and says so once`, async (scene) => {
      const server = scene.launch({ workers, env: { NOTIFY_SOCKET: name } });
      await server.says(/Ready:/);
      server.signal("SIGHUP");
      await server.says(workers === 0 ? /has no effect/ : /Reloaded/);
      await server.stop();
      const warnings = server.output.match(/Cannot tell the supervisor at NOTIFY_SOCKET \S+ .*/g);
      assertEquals(warnings?.length, 1, server.output);
    });
  }

  sceneTest(`${who} is not held up by a supervisor that does not read`, async (scene) => {
    using supervisor = new Listener(`${scene.directory}/notify`, { deaf: true });
    const env = { ...supervisor.env, WATCHDOG_USEC: "20000" };
    const server = scene.launch({ workers, env });
    await server.says(/Ready:/);
    server.signal("SIGHUP");
    await server.says(workers === 0 ? /has no effect/ : /Reloaded/);
    // What was kept for it meanwhile is told when it reads again.
    supervisor.listen();
    await supervisor.hears(/^READY=1$/m, 2);
    await server.stop();
    assertNotMatch(server.output, /Cannot tell/);
  });

  sceneTest(`${who} without FFI says what cannot be had`, async (scene) => {
    using supervisor = new Listener(`${scene.directory}/notify`);
    const denoFlags = ["--deny-ffi"];
    const server = scene.launch({ workers, env: supervisor.env, denoFlags });
    await server.says(/Ready:/);
    assertMatch(server.output, /WARNING.* Cannot tell the supervisor .*FFI.*Type=exec/);
  });
}

sceneTest("HUP with a broken app: ready again, as before", async (scene) => {
  using supervisor = new Listener(`${scene.directory}/notify`);
  const server = scene.launch({ workers: 1, env: supervisor.env });
  await supervisor.hears(/^READY=1$/m);
  scene.write("app.ts", "throw new Error('half an edit');\n");
  server.signal("SIGHUP");
  await server.says(/Cannot reload/);
  await supervisor.hears(/^READY=1$/m, 2);
  assertEquals(supervisor.count(/^RELOADING=1$/m), 1);
});

sceneTest("HUP with a wrong configuration: ready again, at once", async (scene) => {
  using supervisor = new Listener(`${scene.directory}/notify`);
  const config = scene.write("c.yaml", "threads: 1\n");
  const server = scene.launch({ workers: 1, args: ["-c", config], env: supervisor.env });
  await supervisor.hears(/^READY=1$/m);
  scene.write("c.yaml", "threads: many\n");
  server.signal("SIGHUP");
  await supervisor.hears(/^READY=1$/m, 2);
  assertMatch(server.output, /Cannot reload/);
});

sceneTest("a start and a reload last until all that is under way is through", async (scene) => {
  using supervisor = new Listener(`${scene.directory}/notify`);
  const go = `${scene.directory}/go`;
  const hooks = scene.write(
    "hooks.ts",
    `import { existsSync } from "node:fs";
while (!existsSync("${go}")) await new Promise((resolve) => setTimeout(resolve, 10));
export default {};
`,
  );
  const config = scene.write("c.yaml", "threads: 1\n");
  const args = ["-c", config, "--hooks", hooks];
  const server = scene.launch({ workers: 3, args, env: supervisor.env });
  await supervisor.hears(/^STATUS=Starting\nEXTEND_TIMEOUT_USEC=/);
  scene.write("go", "");
  await supervisor.hears(/^READY=1$/m);

  Deno.removeSync(go);
  server.signal("SIGHUP");
  await supervisor.hears(/^RELOADING=1$/m);
  server.signal("SIGTTOU");
  await supervisor.hears(/^STATUS=Reloading: 0 of 2 /);
  assertEquals(supervisor.count(/^READY=1$/m), 1, "the hooks are still waited for");
  scene.write("go", "");
  await supervisor.hears(/^STATUS=Reloading: 1 of 3/m);

  // One that fails meanwhile does not end it.
  scene.write("c.yaml", "threads: many\n");
  server.signal("SIGHUP");
  await server.says(/Cannot reload/);
  await supervisor.hears(/^READY=1$/m, 2);
  assertMatch(server.output, /Reloaded: 3/);
});

sceneTest("the number of worker processes is told as it changes", async (scene) => {
  using supervisor = new Listener(`${scene.directory}/notify`);
  const server = scene.launch({ workers: 1, env: supervisor.env });
  await supervisor.hears(/^READY=1$/m);
  server.signal("SIGTTIN");
  await supervisor.hears(/^STATUS=2 worker processes serve http/);
  Deno.kill(server.procs()[0]!.pid, "SIGKILL");
  await supervisor.hears(/^STATUS=1 of 2 worker processes serve http/);
  await supervisor.hears(/^STATUS=2 worker processes serve http/, 2);
  server.signal("SIGWINCH");
  await supervisor.hears(/^STATUS=No worker process/);
});

sceneTest(
  "USR2: the old manager names the new one as it goes, which is then told of",
  async (scene) => {
    using supervisor = new Listener(`${scene.directory}/notify`);
    using free = Deno.listen(FREE);
    const { port } = free.addr;
    free.close();
    // Due several times while the old manager leaves, which is silent by then.
    const env = { ...supervisor.env, WATCHDOG_USEC: "100000" };
    const args = ["-b", `127.0.0.1:${port}`, "--pid", "app.pid"];
    const server = await scene.start({ app: APP, workers: 1, args, env });
    server.signal("SIGUSR2");
    await server.says(/Ready:/, 2);
    // Going back is no end of the service.
    const readNew = () => Number(Deno.readTextFileSync(`${scene.directory}/app.pid.2`));
    Deno.kill(readNew(), "SIGTERM");
    await server.says(/The new manager exited with code 0/);
    assertEquals(supervisor.count(/STOPPING|MAINPID/), 0);

    server.signal("SIGUSR2");
    await server.says(/Ready:/, 3);
    const successor = readNew();
    const ready = supervisor.count(/^READY=1$/m);
    server.signal("SIGTERM");
    assertEquals((await server.status).code, 0);
    await supervisor.hears(new RegExp(`^MAINPID=${successor}$`));
    await supervisor.hears(/^READY=1$/m, ready + 1);
    assertEquals(supervisor.count(/STOPPING/), 0);
    assertEquals(await server.get(), "found: ");
    await supervisor.hears(/^WATCHDOG=1$/, supervisor.count(/^WATCHDOG=1$/) + 2);
    Deno.kill(successor, "SIGTERM");
    await supervisor.hears(/^STOPPING=1$/m);
  },
);

/** The supervisor's end of the socket. */
class Listener implements Disposable {
  readonly env: { readonly NOTIFY_SOCKET: string };
  readonly all: string[] = [];
  readonly #socket: Deno.DatagramConn;

  constructor(name: string, { deaf = false } = {}) {
    this.env = { NOTIFY_SOCKET: name };
    const path = name.replace(/^@/, "\0");
    this.#socket = Deno.listenDatagram({ transport: "unixpacket", path });
    if (!deaf) this.listen();
  }

  async listen(): Promise<void> {
    for await (const [bytes] of this.#socket) this.all.push(new TextDecoder().decode(bytes));
  }

  count(pattern: RegExp): number {
    return this.all.filter((text) => pattern.test(text)).length;
  }

  async hears(pattern: RegExp, times = 1): Promise<void> {
    const shown = () => this.all.join("\n\n");
    await until(
      `the supervisor hears ${pattern}, ${times} times`,
      () => this.count(pattern) >= times,
    ).catch((error) => {
      throw new Error(`${error.message}; heard:\n${shown()}`);
    });
  }

  [Symbol.dispose](): void {
    this.#socket.close();
  }
}

/** CLOCK_MONOTONIC, as systemd reads it. */
async function monotonicUsec(): Promise<number> {
  const { output } = await runTool("python3", "-c", "import time; print(time.monotonic_ns())");
  return Number(output) / 1000;
}
