/** What may stand for APP, and what is said when it cannot be loaded. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { type Scene, sceneTest } from "../../support/scene.ts";
import { APPS, PYTHON, startWsgi, wsgiArgs } from "./app.ts";

/** Each with what it answers. */
const LOADABLE: Readonly<Record<string, RegExp>> = {
  "loadable": /^application$/,
  "loadable:other": /^other$/,
  "loadable:site.wsgi": /^attribute$/,
  "loadable:Site.wsgi": /^attribute$/,
  "loadable:static": /^static$/,
  "loadable:factory()": /^default 1 \[\], call 1 /,
  'loadable:factory("name", count=-2, flags=("a", "b"))': /^name -2 \['a', 'b'\], call 1 /,
  "package.inner.site": /^package\.inner\.site package\.inner$/,
  "package.inner.site:app": /^package\.inner\.site package\.inner$/,
};

for (const [app, answer] of Object.entries(LOADABLE)) {
  sceneTest(`${app} is loaded`, async (scene) => {
    assertMatch(await (await startWsgi(scene, app)).get(), answer);
  });
}

sceneTest("a factory is called once in each process, whatever its threads", async (scene) => {
  const server = await startWsgi(scene, "loadable:factory()", { threads: 4, workers: 2 });
  const pids = new Set<string>();
  for (let i = 0; i < 40; i++) {
    const answer = await server.get();
    assertMatch(answer, /call 1 in process \d+$/);
    pids.add(answer.split(" ").at(-1)!);
  }
  assert(pids.size <= 2, `${pids.size} processes`);
});

/** Starts what cannot be loaded; returns what it says before it ends with exit code 4. */
async function refusal(
  scene: Scene,
  app: string,
  args: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
): Promise<string> {
  const server = scene.run(["--interface", "wsgi", ...wsgiArgs(app, { workers: 2, args })], {
    env,
  });
  assertEquals((await server.end()).code, 4, server.output);
  return server.output;
}

/** Each with what is said of it. */
const REFUSED: Readonly<Record<string, RegExp>> = {
  "nowhere:app":
    /Cannot load the app nowhere:app: there is no module nowhere in \S+; --chdir or --pythonpath/,
  "package.nowhere:app": /there is no module package\.nowhere in /,
  "loadable:nothing":
    /Cannot load the app loadable:nothing: module loadable has no nothing; did you mean loadable:application or loadable:other or loadable:create_app\(\)\?/,
  "loadable:site.nothing": /loadable:site\.nothing: <loadable\.Site object at .*> has no nothing/,
  "loadable:number": /Cannot load the app loadable:number: it is no callable, but of type int/,
  "loadable:factory(calls)": /'factory\(calls\)' is neither a name nor a call with literal arg/,
  "loadable:factory(*[1])": /is neither a name nor a call with literal arguments/,
  "loadable:factory({[]: 1})": /'factory\(\{\[\]: 1\}\)' is neither a name nor a call with literal/,
  "loadable:factory(**{})": /is neither a name nor a call with literal arguments/,
  "loadable:other or None": /'other or None' is neither a name nor a call/,
  "loadable:os.getcwd()()": /is neither a name nor a call with literal arguments/,
  "loadable:1": /'1' is neither a name nor a call/,
  "loadable:a b": /'a b' is neither a name nor a call/,
  "loadable:failing_factory()": /calling its factory failed: RuntimeError: no database/,
  "loadable:create_app":
    /it does not take environ and start_response; if it makes the app, write loadable:create_app\(\)/,
  "loadable:create_app()": /create_app\(\): it is no callable, but of type str/,
  "package": /module package has neither application nor app; name it, as in package:NAME/,
};

for (const [app, message] of Object.entries(REFUSED)) {
  sceneTest(`${app} is refused with its reason`, async (scene) => {
    const output = await refusal(scene, app);
    assertMatch(output, message);
    assert(!/<denicorn\/|frozen importlib|\.ts:\d/.test(output), output);
  });
}

/** Modules that fail while they are imported, each with what is said of it. */
const FAILING: readonly (readonly [code: string, message: RegExp])[] = [
  [
    "def connect():\n    raise OSError('no database')\nconnect()\n",
    /importing broken failed: OSError: no database\n[^]*File ".*\/broken\.py", line 3, in <module>\n[^]*line 2, in connect/,
  ],
  ["def app(:\n", /importing broken failed: SyntaxError: [^]*File ".*\/broken\.py", line 1/],
  [
    "import nowhere\n",
    /ModuleNotFoundError: No module named 'nowhere' \(for \S+python\S*; \$VIRTUAL_ENV or --python name another\)\n[^]*broken\.py", line 1/,
  ],
  [
    "raise ValueError('bad \\udcff')\n",
    /importing broken failed: ValueError: bad \\udcff\n[^]*broken\.py", line 1/,
  ],
  ["raise SystemExit(3)\n", /importing broken failed: SystemExit: 3\n/],
];

for (const [code, message] of FAILING) {
  sceneTest(
    `a module that fails with its traceback, once: ${code.split("\n")[0]}`,
    async (scene) => {
      scene.write("broken.py", code);
      const output = await refusal(scene, "broken:app", ["--chdir", scene.directory]);
      assertMatch(output, message);
      assertEquals(output.match(/broken failed/g)?.length, 1, output);
      assert(!/<denicorn\/|frozen importlib|\.ts:\d/.test(output), output);
    },
  );
}

sceneTest("a module that has put another object in its place is refused as any", async (scene) => {
  scene.write(
    "odd.py",
    "import sys\nclass Odd:\n    __slots__ = ()\nsys.modules[__name__] = Odd()\n",
  );
  const output = await refusal(scene, "odd:app", ["--chdir", scene.directory]);
  assertMatch(output, /Cannot load the app odd:app: module odd has no app\n/);
});

sceneTest("a factory that is taken for the app says so when it is called", async (scene) => {
  const server = await startWsgi(scene, "loadable:create_with");
  assertEquals((await server.fetch("/")).status, 500);
  await server.says(/not a callable function; if it is a factory, name it with its call/);
});

sceneTest("--chdir and --pythonpath come first on sys.path, in their order", async (scene) => {
  const directory = (name: string) => {
    scene.write(`${name}/only_in_${name}.py`, `name = "${name}"\n`);
    scene.write(`${name}/everywhere.py`, `name = "${name}"\n`);
    return `${scene.directory}/${name}`;
  };
  const [home, first, second] = ["home", "first", "second"].map(directory);
  scene.write(
    "home/main.py",
    `import everywhere, only_in_home, only_in_first, only_in_second
import json as shadowed, os, sys
def app(environ, start_response):
    start_response("200 OK", [])
    return [shadowed.dumps([everywhere.name, os.getcwd(), sys.path[:3]]).encode()]
`,
  );
  const server = await startWsgi(scene, "main:app", {
    args: ["--chdir", home!, "--pythonpath", first!, "--pythonpath", second!],
  });
  assertEquals(JSON.parse(await server.get()), ["home", home, [home, first, second]]);
});

sceneTest(
  "the app sees the packages of its virtual environment, and its .pth files",
  async (scene) => {
    const venv = `${scene.directory}/venv`;
    await new Deno.Command(PYTHON, { args: ["-m", "venv", "--without-pip", venv] }).output();
    const lib = [...Deno.readDirSync(`${venv}/lib`)][0]!.name;
    scene.write(`venv/lib/${lib}/site-packages/installed.py`, `name = "installed"\n`);
    scene.write(`venv/lib/${lib}/site-packages/extra.pth`, `${scene.directory}/linked\n`);
    scene.write("linked/linked.py", `name = "linked"\n`);
    scene.write(
      "main.py",
      `import installed, linked, sys
def app(environ, start_response):
    start_response("200 OK", [])
    return [" ".join([installed.name, linked.name, sys.prefix]).encode()]
`,
    );
    const args = ["-b", "127.0.0.1:0", "-w", "1", "--chdir", scene.directory];
    for (
      const [more, env] of [[["--python", `${venv}/bin/python3`], {}], [[], { VIRTUAL_ENV: venv }]]
    ) {
      const server = scene.run([...args, ...more as string[], "main:app"], {
        env: env as Record<string, string>,
      });
      await server.ready(1);
      assertEquals(await server.get(), `installed linked ${venv}`);
      await server.stop();
    }
  },
);

sceneTest("a Python that is not there: exit code 4, and how to name another", async (scene) => {
  const output = await refusal(scene, "loadable", ["--python", "/nowhere/python3"]);
  assertMatch(
    output,
    /Cannot run the Python interpreter \/nowhere\/python3: there is no such program/,
  );
});

for (
  const [env, why] of [
    [{ PYTHONHOME: "/nowhere" }, /PYTHONHOME=\/nowhere: .*No module named 'encodings'; unset/],
    [{ PYTHONHASHSEED: "abc" }, /PYTHONHASHSEED=abc: PYTHONHASHSEED must be .*; unset/],
    [{ PYTHONPATH: "broken" }, /PYTHONPATH=broken: .*SyntaxError: .*; unset/],
  ] as const
) {
  const [name] = Object.keys(env);
  sceneTest(`a Python that cannot start with its ${name}: exit code 4, and why`, async (scene) => {
    scene.write("broken/encodings.py", "raise :");
    const output = await refusal(scene, "loadable", ["--chdir", scene.directory], env);
    assertMatch(output, /^denicorn: Cannot start Python 3\.\d+ \(\/\S+\) with /m);
    assertMatch(output, why);
    assert(!output.includes("Fatal Python error"), output);
  });
}

sceneTest(
  "a Python without its shared library: exit code 4, and what to install",
  async (scene) => {
    const about = {
      implementation: "cpython",
      version: [3, 11],
      executable: "/opt/python/bin/python3",
      candidates: ["/nowhere/libpython3.11.so.1.0"],
      name: "libpython3.11.so.1.0",
    };
    const program = scene.write("python3", `#!/bin/sh\necho '${JSON.stringify(about)}'\n`);
    Deno.chmodSync(program, 0o755);
    const output = await refusal(scene, "loadable", ["--python", program]);
    assertMatch(
      output,
      /has no shared library libpython3\.11\.so\.1\.0.*apt install libpython3\.11/,
    );
  },
);

sceneTest("a file in place of a module gets told the module's name", async (scene) => {
  const server = scene.run(["loadable.py"], { cwd: APPS });
  assertEquals((await server.end()).code, 2);
  assertMatch(server.output, /did you mean loadable:app\?/);
});
