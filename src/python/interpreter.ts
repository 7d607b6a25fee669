/** Starting the one Python of a process. */

import { AppLoadError } from "../errors.ts";
import type { PythonLibrary } from "./library.ts";
import { textAt } from "./memory.ts";
import { type Api, openPython } from "./symbols.ts";

/** PyPreConfig is below 64 bytes in all versions; only Python itself looks into it. */
const PRE_CONFIG_BYTES = 1024;

/** PyStatus: { int type; const char *func; const char *message; int exitcode; }. */
const STATUS_TYPE = 0;
const STATUS_MESSAGE = 16;

// Python keeps the pointer for the life of the process.
let programName: Uint32Array<ArrayBuffer> | undefined;

/**
 * Starts Python in this process, as `library.executable` would start: sys.path, site-packages, .pth
 * files, the virtual environment and the encodings are those of that interpreter, which Python
 * derives from the program's name. No signal handler is installed. The calling thread becomes
 * Python's main thread and does not hold the GIL afterwards.
 *
 * @throws {AppLoadError} when the library is not the interpreter's, or cannot be initialised.
 */
export function startPython(library: PythonLibrary): Api {
  const api = openPython(library.path);
  if (api.Py_IsInitialized() !== 0) return api;
  requireVersion(api, library);
  const { Py_SetProgramName } = api;
  if (Py_SetProgramName === null) {
    throw new AppLoadError(
      `${library.path} is newer than denicorn knows (Py_SetProgramName is gone); ` +
        "name an older Python with --python",
      "",
    );
  }
  preInitialize(api, library);
  programName = wideString(library.executable);
  Py_SetProgramName(programName);
  // 0: no signal handlers, which would take Deno's.
  api.Py_InitializeEx(0);
  api.PyRun_SimpleString(new TextEncoder().encode(LEAVE_SIGINT));
  api.PyEval_SaveThread();
  return api;
}

/**
 * Importing `signal`, which some module will sooner or later, takes SIGINT where nobody has it yet.
 * It is done now, and undone, so that it cannot happen after Deno's listener was set.
 */
const LEAVE_SIGINT = `
import signal
if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, signal.SIG_DFL)
del signal
\0`;

/** Locale and UTF-8 mode as python3 has them; Py_InitializeEx alone would leave ASCII in a C locale. */
function preInitialize(api: Api, library: PythonLibrary): void {
  const config = new Uint8Array(PRE_CONFIG_BYTES);
  api.PyPreConfig_InitPythonConfig(config);
  const status = new DataView(api.Py_PreInitialize(config).buffer as ArrayBuffer);
  if (status.getInt32(STATUS_TYPE, true) === 0) return;
  const why = textAt(status.getBigUint64(STATUS_MESSAGE, true));
  throw new AppLoadError(`Cannot initialise ${library.path}: ${why}`, "");
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

/** wchar_t*: one code point in 32 bits, on Linux. */
function wideString(text: string): Uint32Array<ArrayBuffer> {
  return Uint32Array.from([...text, "\0"], (character) => character.codePointAt(0)!);
}
