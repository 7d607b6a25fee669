import { assert, assertEquals } from "@std/assert";
import { HELLO, sceneTest } from "../../support/scene.ts";

sceneTest("hooks that cannot be loaded: exit code 2, and the error", async (scene) => {
  const broken = ["throw new Error('half an edit');\n", "export const onExit = 'no function';\n"];
  for (const [i, source] of broken.entries()) {
    const hooks = scene.write(`hooks${i}.ts`, source);
    const server = scene.launch({ workers: i, args: ["--hooks", hooks] });
    assertEquals((await server.end()).code, 2);
    assert(/Cannot load the hooks .*(half an edit|is no function)/.test(server.output));
  }
});

sceneTest(
  "a hook whose name is misspelled, or gunicorn's, is refused with the right one",
  async (scene) => {
    const typos = { whenRaedy: "whenReady", when_ready: "whenReady", post_fork: "postSpawn" };
    for (const [name, meant] of Object.entries(typos)) {
      const hooks = scene.write(`${name}.ts`, `export function ${name}() {}\n`);
      const server = scene.launch({ args: ["--hooks", hooks] });
      assertEquals((await server.end()).code, 2);
      assert(server.output.includes(`${name} is no hook; did you mean ${meant}?`), server.output);
      assert(!server.output.includes("/src/"), "frames of ours are of no use to the hooks' author");
    }
    // Whatever else is exported is the module's own affair.
    const source = "export const names = ['onExits'];\nexport const alert = () => {};\n";
    await scene.start({ workers: 1, args: ["--hooks", scene.write("hooks.ts", source)] });
  },
);

sceneTest("HUP loads the hooks anew; broken ones change nothing", async (scene) => {
  const hooks = scene.write("hooks.ts", "export const onReload = () => console.log('first');\n");
  const server = await scene.start({ app: HELLO, workers: 1, args: ["--hooks", hooks] });
  scene.write("hooks.ts", "throw new Error('half an edit');\n");
  server.signal("SIGHUP");
  await server.says(/Cannot reload, all stays as it was: Cannot load the hooks .*half an edit/);
  scene.write("hooks.ts", "export const onReload = () => console.log('second');\n");
  server.signal("SIGHUP");
  await server.says(/second/);
  await server.ready(2);
});

sceneTest(
  "hooks that hang while HUP loads them hold up no replacement and no stop",
  async (scene) => {
    const held = `${scene.directory}/held`;
    const hooks = scene.write(
      "hooks.ts",
      `import { existsSync } from "node:fs";
if (existsSync(${JSON.stringify(held)})) {
  console.log("held");
  await new Promise((resolve) => setTimeout(resolve, 3600_000));
}
export const onReload = () => console.log("released");
`,
    );
    const server = await scene.start({ app: HELLO, workers: 1, args: ["--hooks", hooks] });
    scene.write("held", "");
    server.signal("SIGHUP");
    await server.says(/held/);
    Deno.removeSync(held); // procs load them too
    Deno.kill(server.procs()[0]!.pid, "SIGKILL");
    await server.ready(2);
    // The last HUP counts, whichever module is there first.
    server.signal("SIGHUP");
    await server.says(/released/);
    await server.says(/Reloaded: /);
    scene.write("held", "");
    server.signal("SIGHUP");
    await server.says(/held/, 2);
  },
);

/** Its load never ends, where there is a file `held` beside it. Else each hook tells where it is from. */
function holdable(word: string): string {
  const names = ["preSpawn", "childExit", "onReload", "onExit"];
  const hooks = names.map((name) => `  ${name}: () => console.log("${word} ${name}"),\n`);
  return `import { existsSync } from "node:fs";
if (existsSync(new URL("./held", import.meta.url))) {
  setInterval(() => {}, 1000);
  await new Promise(() => {});
}
export default {\n${hooks.join("")}};\n`;
}

for (const workers of [0, 1]) {
  sceneTest(
    `hooks whose load never ends, with workers: ${workers}: told, and exit code 3`,
    async (scene) => {
      const hooks = scene.write("hooks.ts", holdable("first"));
      scene.write("held", "");
      const args = ["--hooks", hooks, "--boot-timeout", "3"];
      const server = scene.launch({ workers, args });
      assertEquals((await server.end()).code, 3);
      await server.says(/WARNING.*Still waiting for the hooks .*hooks\.ts/);
      await server.says(/boot_timeout \(3 s\)/);
    },
  );
}

sceneTest("hooks whose load never ends at HUP: all stays as it was, and is told", async (scene) => {
  const hooks = scene.write("hooks.ts", holdable("first"));
  const server = await scene.start({
    workers: 1,
    args: ["--hooks", hooks, "--boot-timeout", "3"],
  });
  const before = await server.get();
  scene.write("held", "");
  server.signal("SIGHUP");
  await server.says(
    /Cannot reload, all stays as it was: Cannot load the hooks .*: not loaded within boot_timeout \(3 s\)/,
  );
  assertEquals(await server.get(), before);
});

sceneTest("a reload whose app is broken leaves the old hooks in force", async (scene) => {
  const hooks = scene.write("hooks.ts", holdable("old"));
  const server = await scene.start({ app: HELLO, workers: 1, args: ["--hooks", hooks] });
  scene.write("hooks.ts", holdable("new"));
  scene.write("app.ts", "throw new Error('half an edit');\n");
  server.signal("SIGHUP");
  await server.says(/new onReload/);
  await server.says(/Cannot reload, all stays as it was: .*[^]*half an edit/);
  await server.says(/old childExit/); // of the reload's first proc
  scene.write("app.ts", HELLO);
  Deno.kill(server.procs()[0]!.pid, "SIGKILL");
  await server.says(/old childExit/, 2);
  await server.says(/old preSpawn/, 2);
  await server.ready(2);
  server.signal("SIGHUP");
  await server.says(/new preSpawn/, 2); // both are prepared for their app by their own
  await server.says(/Reloaded: /);
  await server.says(/new childExit/);
  await server.stop();
  assert(/new onExit/.test(server.output) && !/old onExit/.test(server.output), server.output);
});
