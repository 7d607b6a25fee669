/** workers: 0. The process becomes one that was started for the app: what holds for it, and what stays. */

import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { sceneTest } from "../../support/scene.ts";

const READY = /Ready: this one process serves http/;

for (const threads of ["0", "1"]) {
  const how = `without a manager, threads: ${threads}`;

  sceneTest(`${how}: the app's own deno.json holds, and packages may be had`, async (scene) => {
    scene.write("deno.json", `{ "imports": { "greeting": "./lib/greeting.ts" } }`);
    scene.write("lib/greeting.ts", `export const greeting = "mapped";\n`);
    const app = `import { greeting } from "greeting";
import { Hono } from "npm:hono@4.13.19";
const app = new Hono();
app.get("/", (context) => context.text(greeting));
export default app;\n`;
    const server = scene.launch({ app, workers: 0, args: ["-t", threads] });
    await server.says(READY);
    assertEquals(await server.get(), "mapped");
    assertEquals(server.everyProcess().map(({ pid }) => pid), [server.pid]);
  });
}

sceneTest("permissions and flags of Deno stay what they were", async (scene) => {
  const app = `const state = (descriptor) => Deno.permissions.querySync(descriptor).state;
export default {
  fetch: () =>
    Response.json([
      state({ name: "run" }),
      state({ name: "read", path: "${scene.directory}/secret" }),
      state({ name: "net" }),
      typeof gc,
    ]),
};\n`;
  const denoFlags = ["--deny-run", "--deny-read=secret", "--v8-flags=--expose-gc"];
  const server = scene.launch({ app, workers: 0, args: ["-t", "0"], denoFlags });
  await server.says(READY);
  assertEquals(JSON.parse(await server.get()), ["denied", "denied", "granted", "function"]);
});

sceneTest("variables and the working directory are those that are configured", async (scene) => {
  scene.write("elsewhere/.keep", "");
  const app = `export default {
  fetch: () => new Response([Deno.env.get("A"), Deno.env.get("__proto__"), Deno.cwd()].join(" ")),
};\n`;
  const args = ["-e", "A=b c", "-e", "__proto__=d", "--chdir", "elsewhere"];
  const server = scene.run(["-b", "127.0.0.1:0", "-w", "0", ...args, scene.write("app.ts", app)]);
  await server.says(READY);
  assertEquals(await server.get(), `b c d ${scene.directory}/elsewhere`);
});

sceneTest("without FFI it serves all the same, and says what does not hold", async (scene) => {
  const server = scene.launch({ workers: 0, denoFlags: ["--deny-ffi"] });
  await server.says(READY);
  assertMatch(
    server.output,
    /own deno\.json .* do not hold \(FFI .*\); .* workers: 1 and threads: 0/,
  );
  assertEquals(await server.get(), `pid ${server.pid}`);
});

sceneTest("Ctrl-C, and again, without a manager: exit code 0 at once, no error", async (scene) => {
  const app = `export default {
  fetch: () => (console.log("asked"), new Promise(() => {})),
};\n`;
  const server = scene.launch({ app, workers: 0, group: true });
  await server.says(READY);
  const cut = server.fetch().then(() => "answered", () => "cut");
  await server.says(/asked/);
  await server.signalGroup("INT");
  await server.signalGroup("INT");
  assertEquals([(await server.end()).code, await cut], [0, "cut"]);
  assert(!/ERROR|CRITICAL|^\s+at /m.test(server.output), server.output);
});

sceneTest(
  "without a manager the pid file is there all the same, and keeps a second one out",
  async (scene) => {
    const pid = `${scene.directory}/app.pid`;
    const server = scene.launch({
      workers: 0,
      args: ["--pid", "app.pid", "--chdir", scene.directory],
    });
    await server.says(READY);
    assertEquals(Deno.readTextFileSync(pid), `${server.pid}\n`);
    const second = scene.launch({ workers: 0, args: ["--pid", pid] });
    assertEquals((await second.end()).code, 1);
    assert(second.output.includes(`A server, pid ${server.pid}, runs already`), second.output);
    await server.stop();
    assertThrows(() => Deno.statSync(pid), Deno.errors.NotFound);
  },
);

sceneTest("an app that ends this one process leaves no pid file behind", async (scene) => {
  const pid = `${scene.directory}/app.pid`;
  const app = "export default { fetch: () => Deno.exit(7) };\n";
  const server = scene.launch({ app, workers: 0, args: ["-t", "0", "--pid", pid] });
  await server.says(READY);
  assertEquals(Deno.readTextFileSync(pid), `${server.pid}\n`);
  await server.fetch().then(() => {}, () => {});
  assertEquals((await server.end()).code, 7);
  assertThrows(() => Deno.statSync(pid), Deno.errors.NotFound);
});

sceneTest(
  "a pid file that `user` may not remove is left empty",
  async (scene) => {
    const pid = `${scene.directory}/app.pid`;
    Deno.chmodSync(scene.directory, 0o755);
    const server = scene.launch({
      workers: 0,
      args: ["-t", "0", "--user", "nobody", "--pid", pid],
    });
    await server.says(READY);
    assertEquals(Deno.readTextFileSync(pid), `${server.pid}\n`);
    await server.stop();
    assertEquals(Deno.readTextFileSync(pid), "");
  },
  { needs: Deno.uid() === 0 },
);

sceneTest("a busy port without a manager: exit code 1, and who holds it", async (scene) => {
  using holder = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const address = `127.0.0.1:${holder.addr.port}`;
  const server = scene.launch({ workers: 0, args: ["-b", address] });
  assertEquals((await server.end()).code, 1);
  const expected = `Cannot listen on ${address}: another server listens on it (held by `;
  assert(server.output.includes(expected), server.output);
  assert(server.output.includes(`pid ${Deno.pid}`), server.output);
});

sceneTest(
  "a port that needs privilege, without a manager: exit code 1, and what to do",
  async (scene) => {
    // In a namespace of its own nobody but its root is privileged: nobody may bind there.
    const prefix = ["setpriv", "--bounding-set", "-net_bind_service", "--inh-caps", "-all"];
    const server = scene.launch({ workers: 0, args: ["-b", "127.0.0.1:80"], prefix });
    assertEquals((await server.end()).code, 1);
    assertMatch(
      server.output,
      /Cannot listen on 127\.0\.0\.1:80: not permitted \(ports below 1024/,
    );
  },
  { needs: Deno.uid() === 0 },
);
