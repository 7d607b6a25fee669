import { assert, assertEquals } from "@std/assert";
import { HELLO, sceneTest } from "../../support/scene.ts";
import { until } from "../../support/wait.ts";

sceneTest("reload: a change of any module of the app is served", async (scene) => {
  const part = (word: string) => scene.write("lib/word.ts", `export const word = "${word}";\n`);
  part("first");
  const app = `import { word } from "./lib/word.ts";
export default { fetch: () => new Response(word) };\n`;
  const server = await scene.start({ app, workers: 1, args: ["--reload"] });
  assertEquals(await server.get(), "first");
  await server.says(/Watching 2 files/);
  part("second");
  await until("the change is served", async () => await server.get() === "second");
  assert(/word.ts changed: reloading/.test(server.output), server.output);
});

sceneTest("reload: code that does not load is shown, and the old code goes on", async (scene) => {
  const app = `export default { fetch: () => new Response("old") };\n`;
  const server = await scene.start({ app, workers: 1, args: ["--reload"] });
  await server.says(/Watching 1 file/);
  scene.write("app.ts", "export default { fetch( {\n");
  await server.says(/Cannot reload, all stays as it was: .*app\.ts/);
  assertEquals(await server.get(), "old");
  scene.write("app.ts", `export default { fetch: () => new Response("new") };\n`);
  await until("the repaired code is served", async () => await server.get() === "new");
});

sceneTest(
  "reload: a file that an editor puts in the place of the old one counts",
  async (scene) => {
    const app = (word: string) => `export default { fetch: () => new Response("${word}") };\n`;
    const server = await scene.start({ app: app("old"), workers: 1, args: ["--reload"] });
    await until("the change is served", async () => {
      const fresh = scene.write("app.ts~", app("new"));
      Deno.renameSync(fresh, `${scene.directory}/app.ts`);
      return await server.get() === "new";
    });
  },
);

sceneTest("reload: a directory that is removed and made anew is watched again", async (scene) => {
  const part = (word: string) => scene.write("lib/words/a.ts", `export const word = "${word}";\n`);
  part("first");
  scene.write("lib/index.ts", `export * from "./words/a.ts";\n`);
  const app = `import { word } from "./lib/index.ts";
export default { fetch: () => new Response(word) };\n`;
  const server = await scene.start({ app, workers: 1, args: ["--reload"] });
  await server.says(/Watching 3 files/);
  // As one build leaves the files of the one before.
  Deno.renameSync(`${scene.directory}/lib`, `${scene.directory}/old`);
  scene.write("lib/index.ts", `export * from "./words/a.ts";\n`);
  part("second");
  await until("what came in its place is served", async () => await server.get() === "second");
  part("third");
  await until("a change of it is served", async () => await server.get() === "third");
});

sceneTest(
  "reload: another import map in deno.json counts, a broken one does not",
  async (scene) => {
    const imports = (file: string) =>
      scene.write("deno.json", `{ "imports": { "word": "${file}" } }\n`);
    scene.write("first.ts", `export const word = "first";\n`);
    scene.write("second.ts", `export const word = "second";\n`);
    imports("./first.ts");
    const app = `import { word } from "word";
export default { fetch: () => new Response(word) };\n`;
    const server = await scene.start({ app, workers: 1, args: ["--reload"] });
    await server.says(/Watching 3 files/);
    scene.write("deno.json", `{ "imports": `);
    await server.says(/Cannot reload, all stays as it was: .*deno\.json/);
    assertEquals(await server.get(), "first");
    imports("./second.ts");
    await until("the change is served", async () => await server.get() === "second");
  },
);

sceneTest("reload: a link on the way to the app that is exchanged counts", async (scene) => {
  const release = (name: string) => {
    scene.write(`releases/${name}/lib/word.ts`, `export const word = "${name}";\n`);
    scene.write(`releases/${name}/views/page.html`, name);
    scene.write(
      `releases/${name}/app.ts`,
      `import { word } from "./lib/word.ts";
const page = await Deno.readTextFile("views/page.html");
export default { fetch: () => new Response(word + " " + page) };\n`,
    );
  };
  const link = (to: string, from: string) => {
    Deno.symlinkSync(to, `${scene.directory}/${from}.new`);
    Deno.renameSync(`${scene.directory}/${from}.new`, `${scene.directory}/${from}`);
  };
  release("first");
  release("second");
  // Two links, of which the farther one is exchanged.
  link("releases/first", "newest");
  link("newest", "current");
  const where = `${scene.directory}/current`;
  const args = ["-b", "127.0.0.1:0", "-w", "1", "--reload", "--chdir", where];
  const server = scene.run([...args, "--reload-extra-file", "views/*.html", "app.ts"]);
  await server.ready(1);
  await server.says(/Watching 2 files/);
  assertEquals(await server.get(), "first first");
  link("releases/second", "newest");
  await until("the other is served", async () => await server.get() === "second second");
  scene.write("releases/second/lib/word.ts", `export const word = "third";\n`);
  await until("its changes are served", async () => await server.get() === "third second");
  scene.write("current/views/page.html", "fourth");
  await until("its other changes are served", async () => await server.get() === "third fourth");
  link("releases/first", "newest");
  await until("the first is served again", async () => await server.get() === "first first");
  scene.write("releases/first/views/page.html", "fifth");
  await until("its changes are served, too", async () => await server.get() === "first fifth");
});

sceneTest("reload: files that are named by globs count, others do not", async (scene) => {
  scene.write("views/deep/page.html", "one");
  const args = ["--reload", "--reload-extra-file", "views/**/*.html"];
  const server = await scene.start({ app: HELLO, workers: 1, args });
  const before = await server.get();
  scene.write("views/deep/page.css", "body {}");
  scene.write("notes.txt", "nothing");
  scene.write("views/deep/page.html", "two");
  await until("the reload is over", async () => await server.get() !== before);
  assert(/page.html changed: reloading/.test(server.output), server.output);
  assert(!/page.css|notes.txt/.test(server.output), server.output);
});

sceneTest("reload: many changes at once are one reload", async (scene) => {
  const parts = Array.from({ length: 20 }, (_, i) => `part${i}.ts`);
  const writeAll = (word: string) =>
    parts.forEach((name) => scene.write(name, `export const word = "${word}";\n`));
  writeAll("one");
  const imports = parts.map((name) => `import "./${name}";`).join("\n");
  const app = `${imports}\nimport { word } from "./part19.ts";
export default { fetch: () => new Response(word) };\n`;
  const server = await scene.start({ app, workers: 1, args: ["--reload"] });
  await server.says(/Watching 21 files/);
  writeAll("two");
  await until("the change is served", async () => await server.get() === "two");
  assert(/part0.ts and 19 more changed: reloading/.test(server.output), server.output);
});

sceneTest(
  "reload: a change of any module that a Python app has loaded is served",
  async (scene) => {
    const part = (word: string) => scene.write("shop/words.py", `WORD = b"${word}"\n`);
    part("first");
    scene.write("shop/__init__.py", "");
    scene.write(
      "shop/web.py",
      `from shop.words import WORD
def application(environ, start_response):
    start_response("200 OK", [("Content-Length", str(len(WORD)))])
    return [WORD]
`,
    );
    const server = scene.run(["-b", "127.0.0.1:0", "-w", "1", "--reload", "shop.web:application"]);
    await server.ready(1);
    assertEquals(await server.get(), "first");
    await server.says(/Watching \d+ files/);
    part("second, and longer");
    // Once and for all: as long as the old proc leaves, it may be asked as well.
    await until("the change is served", async () => await server.get() === "second, and longer");
  },
);

sceneTest("reload: it begins and ends with HUP, as the configuration says", async (scene) => {
  const app = (word: string) =>
    scene.write("app.ts", `export default { fetch: () => new Response("${word}") };\n`);
  const configure = (...lines: string[]) =>
    scene.write(
      "denicorn.yaml",
      ["app: app.ts", "bind: 127.0.0.1:0", "workers: 1", ...lines].join("\n"),
    );
  app("first");
  configure();
  const server = scene.run([]);
  await server.ready(1);

  configure("reload: true");
  server.signal("SIGHUP");
  await server.says(/Watching 1 file/);
  app("second");
  await until("the change is served", async () => await server.get() === "second");

  scene.write("views/page.html", "one");
  configure("reload: true", "reload_extra_files: [views/*.html]");
  server.signal("SIGHUP");
  await server.says(/Reloaded: /, 3);
  scene.write("views/page.html", "two");
  await server.says(/page\.html changed: reloading/);
  await server.says(/Reloaded: /, 4);

  configure();
  server.signal("SIGHUP");
  await server.says(/not watched any more/);
  await server.says(/Reloaded: /, 5);
  app("third");
  // What is watched is told of 100 ms later, and so before this is over.
  server.signal("SIGHUP");
  await server.says(/Reloaded: /, 6);
  assert(server.output.match(/changed: reloading/g)?.length === 2, server.output);
});

sceneTest("reload: what a Python app has loaded counts where HUP brings it", async (scene) => {
  const write = (word: string) =>
    scene.write(
      "web.py",
      `def application(environ, start_response):
    start_response("200 OK", [("Content-Length", "${word.length}")])
    return [b"${word}"]
`,
    );
  write("first");
  const config = "app: web:application\nbind: 127.0.0.1:0\nworkers: 1\n";
  scene.write("denicorn.yaml", config);
  const server = scene.run([]);
  await server.ready(1);
  scene.write("denicorn.yaml", `${config}reload: true\n`);
  server.signal("SIGHUP");
  await server.says(/Watching 1 file/);
  await server.says(/Reloaded: /);
  write("second, and longer");
  await until("the change is served", async () => await server.get() === "second, and longer");
});

sceneTest(
  "reload: what a Python app imports with a request counts from there on",
  async (scene) => {
    const write = (word: string) => scene.write("views.py", `VIEW = b"${word}"\n`);
    write("first");
    scene.write(
      "web.py",
      // A module that asks to be left alone.
      `import sys, types
class Lazy(types.ModuleType):
    @property
    def __file__(self):
        raise ImportError("it is not installed")
sys.modules["lazy"] = Lazy("lazy")
def application(environ, start_response):
    from views import VIEW
    start_response("200 OK", [])
    return [VIEW]
`,
    );
    const server = scene.run(["-b", "127.0.0.1:0", "-w", "1", "--reload", "web:application"]);
    await server.ready(1);
    await server.says(/Watching 1 file/);
    assertEquals(await server.get(), "first");
    await server.says(/Watching 2 files/);
    write("second, and longer");
    await until("the change is served", async () => await server.get() === "second, and longer");
  },
);
