/** Starting the one Python of a process. */

import { AppLoadError } from "../errors.ts";
import { check, cString, libc } from "../os/libc.ts";
import type { PythonLibrary } from "./library.ts";
import mainThread from "./main_thread.py" with { type: "text" };
import { addressOf, textAt } from "./memory.ts";
import { type Api, openPython } from "./symbols.ts";

/** The module that Python's main thread is, for others to call it. */
export const MAIN_THREAD_MODULE = "_denicorn_main_thread";

const O_CLOEXEC = 0o2000000;

// Python points into these for the life of the process.
const kept: unknown[] = [];

/**
 * Starts Python in this process, as `library.executable -c PROGRAM`: so sys.path, site-packages, .pth
 * files, the virtual environment and the encodings are those of that interpreter. No signal handler is
 * installed. A native thread of its own becomes Python's main thread, and runs what it is given there
 * (main_thread.py). Returns when it is there.
 *
 * @throws {AppLoadError} when the library is not the interpreter's, or cannot be initialised.
 */
export function startPython(library: PythonLibrary): Api {
  const api = openPython(library.path);
  if (api.Py_IsInitialized() !== 0) return api;
  requireVersion(api, library);
  requireEnvironment(library);
  const pipe = new Int32Array(2);
  check(libc().pipe2(pipe, O_CLOEXEC), "pipe2", "Cannot start Python");
  const [read, write] = pipe as unknown as [number, number];
  const names = `{"__name__": "${MAIN_THREAD_MODULE}", "READY": ${write}}`;
  const program = `compile(${JSON.stringify(mainThread)}, "<denicorn/main_thread.py>", "exec")`;
  const whole = `try:\n exec(${program}, ${names})\nfinally:\n __import__("os").close(${write})`;
  const argv = [library.executable, "-c", whole].map(cString);
  const addresses = BigUint64Array.from([...argv.map(addressOf), 0n]);
  kept.push(argv, addresses);
  void api.Py_BytesMain(argv.length, addresses);
  if (!waitForByte(read)) {
    throw new AppLoadError(
      `Python ${library.version} (${library.executable}) ended as soon as it had started: ` +
        "what it says of it is on standard error",
      "",
    );
  }
  libc().close(read);
  libc().close(write);
  return api;
}

/** Blocks until there is a byte; false at the pipe's end. */
function waitForByte(fd: number): boolean {
  for (;;) {
    const length = libc().read(fd, new Uint8Array(1), 1n);
    if (length >= 0n) return length === 1n;
    // A signal has interrupted it.
  }
}

function requireVersion(api: Api, library: PythonLibrary): void {
  const version = textAt(api.Py_GetVersion());
  if (version.startsWith(`${library.version}.`)) return;
  throw new AppLoadError(
    `${library.path} is Python ${version.split(" ", 1)[0]}, but its interpreter ` +
      `${library.executable} is ${library.version}: name one with --python`,
    "",
  );
}

/** What these say harms no start. */
const HARMLESS = new Set(["PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED"]);

/** Python ends the process where it cannot start: an interpreter of its own tries what is in its way. */
function requireEnvironment(library: PythonLibrary): void {
  const names = Object.keys(Deno.env.toObject())
    .filter((name) => /^PYTHON[A-Z_]/.test(name) && !HARMLESS.has(name)).sort();
  if (names.length === 0) return;
  const { success, stderr } = new Deno.Command(library.executable, {
    args: ["-c", ""],
    stdin: "null",
  }).outputSync();
  if (success) return;
  const said = new TextDecoder().decode(stderr).trim();
  const fatal = /^Fatal Python error: (?:\w+: )?(.*)/m.exec(said)?.[1];
  const error = /^\w+Error: .*/m.exec(said)?.[0];
  const why = [fatal, error].filter((it) => it !== undefined).join(": ");
  const set = names.map((name) => `${name}=${Deno.env.get(name)}`).join(", ");
  throw new AppLoadError(
    `Cannot start Python ${library.version} (${library.executable}) with ${set}` +
      `${why && `: ${why}`}; unset what does not belong to it, or name another one with --python`,
    why === "" ? said : "",
  );
}
