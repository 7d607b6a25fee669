import { assert, assertEquals, assertMatch } from "@std/assert";
import { fetchOnce } from "../../support/running.ts";
import { sceneTest } from "../../support/scene.ts";
import { hasTool } from "../../support/tools.ts";
import { until } from "../../support/wait.ts";

sceneTest("all procs serve the app on one port", async (scene) => {
  const server = await scene.start({ workers: 2 });
  const pids = server.procs().map(({ pid }) => `pid ${pid}`);
  assertEquals(pids.length, 2);
  const seen = new Set<string>();
  await until("both procs have answered", async () => {
    seen.add(await server.get());
    return seen.size === 2;
  });
  assertEquals([...seen].sort(), pids.sort());
});

sceneTest("one process serves without a manager", async (scene) => {
  const server = scene.launch({ workers: 0 });
  await server.says(/Listening at/);
  assertEquals(await server.get(), `pid ${server.pid}`);
  assertEquals(server.everyProcess().length, 1);
});

sceneTest(
  "an app that throws while it loads: exit code 4, its error and trace once",
  async (scene) => {
    const app = "function connect() {\n  throw new Error('no database');\n}\nconnect();\n";
    const server = scene.launch({ app, workers: 2 });
    assertEquals((await server.end()).code, 4);
    const frame = `at connect (file://${scene.directory}/app.ts:2:9)`;
    assertEquals(server.output.split(frame).length - 1, 1, server.output);
    assert(!server.output.includes("/src/"), "frames of ours are of no use to the app's author");
  },
);

sceneTest(
  "an app that throws megabytes while it loads: exit code 4, and its trace",
  async (scene) => {
    const server = scene.launch({
      app: `throw new Error("\\x01".repeat(5_000_000));\n`,
      workers: 1,
    });
    assertEquals((await server.end()).code, 4);
    assertMatch(server.output, /Cannot load the app .*: Error: [^]* characters more …\n/);
    assertMatch(server.output, /\n +at file:.*\/app\.ts:1:7\n/);
  },
);

for (const workers of [0, 1]) {
  const title = `an app with a syntax error, workers: ${workers}: exit code 4, and the place, once`;
  sceneTest(title, async (scene) => {
    const server = scene.launch({ app: "export default {\n  fetch( {\n", workers });
    assertEquals((await server.end()).code, 4);
    const lines = server.output.split("\n");
    const said = lines.slice(lines.findIndex((line) => line.startsWith("denicorn: ")), -1);
    const [message, _gap, source, marker, place, ...more] = said;
    assertMatch(message!, /^denicorn: Cannot load the app \/.*\/app\.ts: SyntaxError: Unexpected/);
    assertEquals([source, marker?.trim(), ...more], ["2 |   fetch( {", "|           ~"]);
    assertEquals(place, `    at file://${scene.directory}/app.ts:2:11`);
  });
}

sceneTest("an app that imports what is not there: exit code 4, and the import", async (scene) => {
  const server = scene.launch({ app: `import "./nothing.ts";\n` });
  assertEquals((await server.end()).code, 4);
  assert(server.output.includes(`${scene.directory}/nothing.ts`), server.output);
});

sceneTest("an app that is not there: exit code 4 at once", async (scene) => {
  const server = scene.run(["nothing.ts"]);
  assertEquals((await server.end()).code, 4);
  assert(server.output.includes("there is no file"), server.output);
});

for (
  const [how, app] of [
    ["", "Deno.exit(7);\n"],
    [" and catches what that throws", "try { Deno.exit(7); } catch {}\n"],
    [" in a promise", "Promise.reject().catch(() => Deno.exit(7));\n"],
  ] as const
) {
  sceneTest(`an app that ends its process while it loads${how}: exit code 4`, async (scene) => {
    const server = scene.launch({ app });
    assertEquals((await server.end()).code, 4);
    assert(server.output.includes("Error: Deno.exit(7) was called"), server.output);
    assert(!server.output.includes("is to be replaced"), server.output);
  });
}

sceneTest(
  "an app that kills its process while it loads: exit code 3, and the signal",
  async (scene) => {
    const server = scene.launch({ app: "Deno.kill(Deno.pid, 'SIGKILL');\n" });
    assertEquals((await server.end()).code, 3);
    assert(/was killed by SIGKILL/.test(server.output), server.output);
  },
);

sceneTest("an app that does not load within boot_timeout: exit code 3", async (scene) => {
  const app = "await new Promise((resolve) => setTimeout(resolve, 3600_000));\n";
  const server = scene.launch({ app, args: ["--boot-timeout", "1"] });
  assertEquals((await server.end()).code, 3);
  assert(server.output.includes("it was not ready within boot_timeout (1 s)"), server.output);
});

sceneTest("an app that spins while it loads is ended all the same: exit code 3", async (scene) => {
  const server = scene.launch({ app: "for (;;);\n", args: ["--boot-timeout", "1"] });
  assertEquals((await server.end()).code, 3);
});

const NEVER_LOADED = `console.log("begins to load");
await new Promise((resolve) => setTimeout(resolve, 3600_000));
`;

for (const threads of ["0", "1"]) {
  const how = `without a manager, threads: ${threads}`;

  sceneTest(`${how}: boot_timeout ends an app that does not load: exit code 3`, async (scene) => {
    const args = ["--boot-timeout", "1", "-t", threads];
    const server = scene.launch({ app: NEVER_LOADED, workers: 0, args });
    assertEquals((await server.end()).code, 3);
    assert(server.output.includes("not ready within boot_timeout (1 s)"), server.output);
  });

  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    sceneTest(`${how}: ${signal} ends an app that is still loading`, async (scene) => {
      const args = ["-t", threads];
      const server = scene.launch({ app: NEVER_LOADED, workers: 0, args });
      await server.says(/begins to load/);
      await server.stop(signal);
    });
  }
}

sceneTest(
  "procs that must not be started: exit code 1, and the permission, once",
  async (scene) => {
    const server = scene.launch({ workers: 2, args: [], denoFlags: ["--deny-run"] });
    assertEquals((await server.end()).code, 1);
    assertEquals(server.output.split("Requires run access").length - 1, 1, server.output);
  },
);

sceneTest("a busy port: exit code 1, and who holds it", async (scene) => {
  using holder = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const address = `127.0.0.1:${(holder.addr as Deno.NetAddr).port}`;
  const server = scene.launch({ args: ["-b", address] });
  assertEquals((await server.end()).code, 1);
  assert(
    server.output.includes(`Cannot listen on ${address}: another server listens on it`),
    server.output,
  );
  assert(server.output.includes(`pid ${Deno.pid}`), server.output);
});

sceneTest("a port that another server of ours shares is busy too", async (scene) => {
  const first = await scene.start();
  const address = `127.0.0.1:${first.port}`;
  const second = scene.launch({ args: ["-b", address] });
  assertEquals((await second.end()).code, 1);
  assert(second.output.includes(`Cannot listen on ${address}`), second.output);
  assertEquals(await fetchOnce(first.url).then((it) => it.status), 200);
  await first.stop();
});

sceneTest(
  "wrong usage and a wrong value: exit code 2, no trace, nothing started",
  async (scene) => {
    for (const args of [[], ["--wrokers", "2", "app.ts"], ["-w", "many", "app.ts"]]) {
      const server = scene.run(args);
      assertEquals((await server.end()).code, 2);
      assert(!/^\s+at /m.test(server.output), server.output);
    }
  },
);

sceneTest("an app's own deno.json is its import map", async (scene) => {
  scene.write("deno.json", `{ "imports": { "greeting": "./lib/greeting.ts" } }`);
  scene.write("lib/greeting.ts", `export const greeting = "mapped";\n`);
  const app = `import { greeting } from "greeting";
export default { fetch: () => new Response(greeting) };\n`;
  const server = await scene.start({ app, workers: 1 });
  assertEquals(await server.get(), "mapped");
});

sceneTest("an app finds neither the control channel nor its token", async (scene) => {
  const app = `export default {
  fetch: () => new Response(Object.keys(Deno.env.toObject()).filter((it) => it.startsWith("DENICORN_")).join()),
};\n`;
  const server = await scene.start({ app, workers: 1 });
  assertEquals(await server.get(), "");
});

sceneTest("flags of Deno that decide how an app runs are the procs' too", async (scene) => {
  const app = `export default { fetch: () => new Response(typeof Deno.openKv + typeof gc) };\n`;
  const denoFlags = ["--unstable-kv", "--v8-flags=--expose-gc"];
  const server = await scene.start({ app, workers: 1, denoFlags });
  assertEquals(await server.get(), "functionfunction");
});

for (const workers of [0, 2]) {
  const name = `a deno.json that Deno cannot read: exit code 4, and why, workers: ${workers}`;
  sceneTest(name, async (scene) => {
    scene.write("deno.json", `{ "imports": `);
    const log = `${scene.directory}/error.log`;
    const server = scene.launch({ workers, args: ["--error-log", log] });
    assertEquals((await server.end()).code, 4);
    const said =
      /Cannot load the app .*, Deno refuses to start for it: .*deno\.json.*\n.*\n.*Unterm/;
    assertMatch(server.output, said);
    assertMatch(Deno.readTextFileSync(log), said);
  });
}

sceneTest("a deno.json with comments holds without a manager as well", async (scene) => {
  scene.write("deno.json", `{ "imports": { "x": "./x.ts" }, } // JSONC`);
  scene.write("x.ts", `export const x = "mapped";\n`);
  const app = `import { x } from "x";\nexport default { fetch: () => new Response(x) };\n`;
  const server = scene.launch({ app, workers: 0 });
  await server.says(/Ready:/);
  assertEquals(await server.get(), "mapped");
});

sceneTest("a deno.json that Deno cannot read at HUP: all stays as it was", async (scene) => {
  scene.write("deno.json", "{}");
  const server = await scene.start({ workers: 1 });
  scene.write("deno.json", `{ "imports": `);
  server.signal("SIGHUP");
  await server.says(/Cannot reload, all stays as it was: Cannot load the app .*deno\.json/);
  assertEquals(await server.get(), `pid ${server.procs()[0]?.pid}`);
});

sceneTest(
  "that the system allows no more threads is said with the limits that do so",
  async (scene) => {
    Deno.chmodSync(scene.directory, 0o755);
    const args = ["--threads", "4", "--user", "12345", "--group", "54321"];
    const server = scene.launch({ workers: 1, args, prefix: ["prlimit", "--nproc=5"] });
    assertEquals((await server.end()).code, 3);
    const said =
      /denicorn: Cannot start proc 1 thread \d: the system allows no more threads; .*ulimit -u/;
    assertMatch(server.output, said);
  },
  { needs: Deno.uid() === 0 && hasTool("prlimit") },
);
