/** Finding the CPython to embed: an interpreter, and the shared library that belongs to it. */

import { AppLoadError } from "../errors.ts";

export interface PythonLibrary {
  /** libpython, as dlopen takes it. */
  readonly path: string;
  /** The interpreter under which the app would run by itself: it decides on sys.path and venv. */
  readonly executable: string;
  /** "3.11". */
  readonly version: string;
}

/** What an interpreter says of itself. */
interface Interpreter {
  readonly implementation: string;
  readonly version: readonly [major: number, minor: number];
  readonly executable: string;
  /** Built without a GIL ("python3.14t"). */
  readonly free_threaded: boolean;
  /** Paths of the library, the likeliest first; they may not exist. */
  readonly candidates: readonly string[];
  /** Name of the library, without a path. */
  readonly name: string;
}

const OLDEST = [3, 9] as const;

/**
 * Asked without the site module and the user's environment, so that nothing but the interpreter
 * speaks. Where it maps a libpython itself, that is the one; sysconfig's paths come next (they are
 * wrong in builds that were moved after they were built), then those around the installation.
 */
const QUESTION = `
import json, os, sys
from sysconfig import get_config_var as var
names = [n for n in (var("INSTSONAME"), var("LDLIBRARY")) if n and ".so" in n]
dirs = [d for d in (var("LIBDIR"), sys.base_exec_prefix + "/lib", var("LIBPL")) if d]
arch = var("MULTIARCH")
if arch: dirs[:0] = [os.path.join(d, arch) for d in dirs[:1]]
mapped = []
try:
    with open("/proc/self/maps") as maps:
        mapped = [l.split(None, 5)[5].rstrip("\\n") for l in maps if "/libpython3." in l]
except OSError: pass
print(json.dumps({
    "implementation": sys.implementation.name,
    "version": sys.version_info[:2],
    "executable": sys.executable,
    "free_threaded": bool(var("Py_GIL_DISABLED")),
    "candidates": mapped[:1] + [os.path.join(d, n) for n in names for d in dirs],
    "name": names[0] if names else "libpython%d.%d.so.1.0" % sys.version_info[:2],
}))
`;

/**
 * Finds Python: `python` (an interpreter or a libpython), else $VIRTUAL_ENV's, else python3 on PATH.
 *
 * @throws {AppLoadError} when there is none, none of a kind that can be embedded, or no libpython.
 */
export function findPython(python: string | null): PythonLibrary {
  if (python !== null && isLibrary(python)) return fromLibrary(python);
  const venv = Deno.env.get("VIRTUAL_ENV");
  const program = python ?? (venv ? `${venv}/bin/python3` : "python3");
  const found = ask(program);
  const shown = `Python ${found.version.join(".")} (${found.executable})`;
  requireKnown(found, shown);
  const path = found.candidates.find(isFile);
  if (path === undefined) throw new AppLoadError(noLibrary(found, shown), "");
  return { path, executable: found.executable, version: found.version.join(".") };
}

function ask(program: string): Interpreter {
  let output: Deno.CommandOutput;
  try {
    output = new Deno.Command(program, { args: ["-I", "-S", "-c", QUESTION], stdin: "null" })
      .outputSync();
  } catch (error) {
    const why = error instanceof Deno.errors.NotFound ? "there is no such program" : `${error}`;
    throw new AppLoadError(
      `Cannot run the Python interpreter ${program}: ${why}; name one with --python`,
      "",
    );
  }
  const text = new TextDecoder();
  if (!output.success) {
    const why = text.decode(output.stderr).trim() || `it ended with ${output.code}`;
    throw new AppLoadError(`Cannot ask the Python interpreter ${program} for its library`, why);
  }
  try {
    return JSON.parse(text.decode(output.stdout));
  } catch {
    throw new AppLoadError(
      `${program} is no Python interpreter: asked for its library, it says ` +
        JSON.stringify(text.decode(output.stdout).slice(0, 80)),
      "",
    );
  }
}

function requireKnown(found: Interpreter, shown: string) {
  const { implementation, version: [major, minor], free_threaded } = found;
  if (implementation !== "cpython") {
    throw new AppLoadError(
      `${shown} is ${implementation}, and only CPython can be embedded; name one with --python`,
      "",
    );
  }
  if (major !== OLDEST[0] || minor < OLDEST[1]) {
    throw new AppLoadError(
      `${shown} is too old: denicorn needs ${OLDEST.join(".")} or newer; name one with --python`,
      "",
    );
  }
  if (free_threaded) {
    throw new AppLoadError(
      `${shown} is built without a GIL, which denicorn has not been tried with; ` +
        "name one that has it with --python",
      "",
    );
  }
}

function noLibrary({ name, version }: Interpreter, shown: string): string {
  return `${shown} has no shared library ${name}, which denicorn embeds. Install it ` +
    `(Debian and Ubuntu: apt install libpython${version.join(".")}; Fedora: python3-libs; pyenv: ` +
    `PYTHON_CONFIGURE_OPTS=--enable-shared pyenv install …), or name another Python with --python`;
}

/** `--python …/libpython3.11.so.1.0`; the interpreter of one without a GIL has its "t" as well. */
const LIBRARY = /(?:^|\/)libpython(\d+\.\d+)(t?)[a-z]*\.so[\d.]*$/;

function isLibrary(path: string): boolean {
  return LIBRARY.test(path);
}

/** A named library needs an interpreter all the same: the one that it lies beside, or $VIRTUAL_ENV's. */
function fromLibrary(path: string): PythonLibrary {
  if (!isFile(path)) throw new AppLoadError(`Cannot load ${path}: there is no such file`, "");
  const [, version, t] = LIBRARY.exec(path)!;
  const name = `python${version}${t}`;
  const venv = Deno.env.get("VIRTUAL_ENV");
  const places = venv ? [`${venv}/bin/${name}`] : [];
  for (let at = path; at.includes("/");) {
    at = at.slice(0, at.lastIndexOf("/"));
    places.push(`${at}/bin/${name}`);
  }
  const executable = places.find(isFile);
  if (executable === undefined) {
    throw new AppLoadError(
      `Cannot find the interpreter that ${path} belongs to (looked for ${places.join(", ")}); ` +
        `name the interpreter with --python instead of the library`,
      "",
    );
  }
  const found = ask(executable);
  requireKnown(found, `Python ${version} (${executable})`);
  return { path, executable: found.executable, version: version! };
}

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}
