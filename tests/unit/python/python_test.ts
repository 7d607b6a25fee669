/** CPython embedded: found, started as its interpreter would be, called and calling back. */

import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { AppLoadError } from "../../../src/errors.ts";
import { findPython } from "../../../src/python/library.ts";
import { pythons, run, systemPython } from "./pythons.ts";

const EMBEDDED = new URL("./embedded.ts", import.meta.url);

interface Embedded {
  readonly library: { path: string; executable: string; version: string };
  // deno-lint-ignore no-explicit-any -- whatever the probe's code returns as JSON
  readonly answer: any;
  readonly caught: [string, string];
}

/** Runs `code`, which defines probe(ask), in an embedded Python. One process for each, for one Python. */
function embed(python: string, code: string, env: Record<string, string> = {}): Embedded {
  const { success, stdout, stderr } = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--quiet", EMBEDDED.pathname, python, code],
    env,
  }).outputSync();
  assert(success, new TextDecoder().decode(stderr));
  return JSON.parse(new TextDecoder().decode(stdout));
}

const SURROUNDINGS = `{"path": [p for p in sys.path if p], "prefix": sys.prefix,
  "base_prefix": sys.base_prefix, "exec_prefix": sys.exec_prefix, "executable": sys.executable,
  "base_executable": sys._base_executable, "utf8_mode": sys.flags.utf8_mode,
  "encodings": [sys.getfilesystemencoding(), sys.getfilesystemencodeerrors(), sys.stdout.encoding]}`;
const OWN = `import json, sys; print(json.dumps(${SURROUNDINGS}))`;
const PROBE = `def probe(ask): return json.dumps(${SURROUNDINGS})`;

const available = pythons();
const system = systemPython();

Deno.test({
  name: "there is a Python with a shared library to test with",
  fn: () => assert(available.length > 0, "install libpython3.x, or no test of Python runs"),
});

for (const executable of available) {
  const version = run<string>(
    executable,
    "import json, platform; print(json.dumps(platform.python_version()))",
  );

  Deno.test(`Python ${version} embedded has the surroundings of its interpreter`, () => {
    const { library, answer } = embed(executable, PROBE);
    assertEquals(answer, run(executable, OWN));
    assertEquals(library.executable, executable);
  });

  Deno.test(`Python ${version} embedded has UTF-8 in a C locale, as its interpreter`, () => {
    const env = { LC_ALL: "C", LANG: "C", PYTHONPATH: "/of/pythonpath" };
    const { answer } = embed(executable, PROBE, env);
    assertEquals(answer, run(executable, OWN, env));
    assertEquals(answer.utf8_mode, 1);
    assertEquals(answer.path[0], "/of/pythonpath");
  });

  Deno.test(`Python ${version} embedded uses a virtual environment and its .pth files`, () => {
    const venv = Deno.makeTempDirSync();
    try {
      new Deno.Command(executable, { args: ["-m", "venv", "--without-pip", venv] }).outputSync();
      const [minor] = /(?<=3\.)\d+/.exec(version)!;
      Deno.writeTextFileSync(
        `${venv}/lib/python3.${minor}/site-packages/extra.pth`,
        `${venv}/include\nimport sys; sys.from_pth = True\n`,
      );
      const code = PROBE.replace("{", `{"from_pth": sys.from_pth, `);
      const expected = run<Record<string, unknown>>(
        `${venv}/bin/python3`,
        OWN.replace("{", `{"from_pth": sys.from_pth, `),
      );
      assertEquals(expected.prefix, venv);
      assert((expected.path as string[]).includes(`${venv}/include`));
      assertEquals(embed(`${venv}/bin/python3`, code).answer, expected);
      assertEquals(embed("", code, { VIRTUAL_ENV: venv }).answer, expected);
    } finally {
      Deno.removeSync(venv, { recursive: true });
    }
  });

  Deno.test(`Python ${version} embedded takes no signal`, () => {
    const code = `def probe(ask):
      import asyncio, multiprocessing, signal, subprocess, threading
      return "0"`;
    const { caught } = embed(executable, code);
    assertEquals(caught[1], caught[0]);
  });

  Deno.test(`Python ${version} embedded loads its C extensions, and calls JS`, () => {
    const code = `def probe(ask):
      import _json, _ssl, _sqlite3, zlib, decimal
      try: ask("throw")
      except RuntimeError as error: thrown = str(error)
      return json.dumps([ask("né"), thrown, json.encoder.c_make_encoder is not None])`;
    assertEquals(embed(executable, code).answer, ["né answered", "thrown in JS", true]);
  });

  Deno.test(`an exception of Python ${version} comes with its traceback`, () => {
    const { answer } = embed(executable, "def probe(ask): return {}['missing']");
    assertEquals(answer.type, "KeyError");
    assertEquals(answer.message, "KeyError: 'missing'");
    assertMatch(answer.trace, /^Traceback .*\n {2}File "<probe>", line 2, in probe\n/);
  });

  Deno.test(`multiprocessing starts processes of Python ${version}`, () => {
    const code = `def probe(ask):
      import multiprocessing
      with multiprocessing.get_context("spawn").Pool(1) as pool:
        return json.dumps(pool.map(len, ["ab", "abc"]))`;
    assertEquals(embed(executable, code).answer, [2, 3]);
  });

  Deno.test(`Python ${version} is found by the name of its library too`, () => {
    const { path } = findPython(executable);
    assertEquals(
      findPython(path).executable,
      run(executable, OWN.replace(/\(json.dumps.*/s, "(json.dumps(sys.executable))")),
    );
  });
}

Deno.test({
  name: "numpy of Debian works in an embedded Python",
  ignore: system === null,
  fn: () => {
    const code = "def probe(ask):\n  import numpy\n  return json.dumps(int(numpy.arange(5).sum()))";
    assertEquals(embed(system!, code).answer, 10);
  },
});

/** A program that answers like an interpreter would. */
function pretend(answer: string, task: (program: string) => void): void {
  const folder = Deno.makeTempDirSync();
  const program = `${folder}/python3`;
  try {
    Deno.writeTextFileSync(program, `#!/bin/sh\ncat <<'END'\n${answer}\nEND\n`, { mode: 0o755 });
    task(program);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

const INTERPRETER = {
  implementation: "cpython",
  version: [3, 11],
  executable: "/opt/python3",
  free_threaded: false,
  candidates: ["/nowhere/libpython3.11.so.1.0"],
  name: "libpython3.11.so.1.0",
};

function refusal(answer: string): string {
  let message = "";
  pretend(answer, (program) => {
    const error = assertThrows(() => findPython(program), AppLoadError) as AppLoadError;
    assertEquals(error.exitCode, 4);
    message = error.message.replaceAll(program, "PROGRAM");
  });
  return message;
}

Deno.test("a Python without its shared library is refused with what to install", () => {
  const message = refusal(JSON.stringify(INTERPRETER));
  assertMatch(message, /^Python 3\.11 \(\/opt\/python3\) has no shared library libpython3\.11\.so/);
  assertMatch(message, /apt install libpython3\.11;/);
});

Deno.test("PyPy, an old Python, one without a GIL and what is none at all are refused, each for its reason", () => {
  assertMatch(
    refusal(JSON.stringify({ ...INTERPRETER, implementation: "pypy" })),
    /is pypy, and only CPython can be embedded; name one with --python/,
  );
  assertMatch(
    refusal(JSON.stringify({ ...INTERPRETER, version: [3, 8] })),
    /^Python 3\.8 .* is too old: denicorn needs 3\.9 or newer/,
  );
  assertMatch(
    refusal(JSON.stringify({ ...INTERPRETER, free_threaded: true })),
    /^Python 3\.11 .* is built without a GIL, .*; name one that has it with --python$/,
  );
  assertEquals(
    refusal("hello"),
    'PROGRAM is no Python interpreter: asked for its library, it says "hello\\n"',
  );
});

Deno.test("an interpreter that is not there is named", () => {
  const error = assertThrows(() => findPython("/nowhere/python3"), AppLoadError) as AppLoadError;
  assertEquals(
    error.message,
    "Cannot run the Python interpreter /nowhere/python3: there is no such program; " +
      "name one with --python",
  );
});
