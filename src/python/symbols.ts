/**
 * The functions of CPython's C API that are called, and libpython opened with them.
 *
 * All of them are exported functions (no macro, no inline function of a header) of every CPython from
 * 3.9 to 3.15, so one table serves all versions; the few that are not everywhere are optional.
 * Handles of objects are "usize": no JS object is made for what is only passed on.
 */

import { cString, libc } from "../os/libc.ts";
import { AppLoadError, messageOf } from "../errors.ts";
import { textAt } from "./memory.ts";

/** Address of a Python object; NULL is 0n. */
export type Handle = bigint;

export const NULL: Handle = 0n;

const SYMBOLS = {
  Py_GetVersion: { parameters: [], result: "usize" },
  Py_IsInitialized: { parameters: [], result: "i32" },
  // What `python3` is. It returns when the program ends; a thread of Deno's pool runs it.
  Py_BytesMain: { parameters: ["i32", "buffer"], result: "i32", nonblocking: true },

  PyEval_SaveThread: { parameters: [], result: "usize" },
  PyEval_RestoreThread: { parameters: ["usize"], result: "void" },
  PyGILState_Ensure: { parameters: [], result: "i32" },

  Py_IncRef: { parameters: ["usize"], result: "void" },
  Py_DecRef: { parameters: ["usize"], result: "void" },

  PyErr_Occurred: { parameters: [], result: "usize" },
  PyErr_Clear: { parameters: [], result: "void" },
  // In the stable ABI, hence there to stay, although 3.12 has a shorter way.
  PyErr_Fetch: { parameters: ["buffer", "buffer", "buffer"], result: "void" },
  PyErr_NormalizeException: { parameters: ["buffer", "buffer", "buffer"], result: "void" },
  PyErr_SetString: { parameters: ["usize", "buffer"], result: "void" },

  PyImport_ImportModule: { parameters: ["buffer"], result: "usize" },
  PyImport_ExecCodeModule: { parameters: ["buffer", "usize"], result: "usize" },
  Py_CompileString: { parameters: ["buffer", "buffer", "i32"], result: "usize" },

  PyObject_GetAttrString: { parameters: ["usize", "buffer"], result: "usize" },
  PyObject_Call: { parameters: ["usize", "usize", "usize"], result: "usize" },
  PyObject_CallNoArgs: { parameters: ["usize"], result: "usize" },
  PyTuple_New: { parameters: ["isize"], result: "usize" },
  PyTuple_SetItem: { parameters: ["usize", "isize", "usize"], result: "i32" },
  PyTuple_GetItem: { parameters: ["usize", "isize"], result: "usize" },
  // A long. Whoever calls it knows that the number is small, and is spared a BigInt.
  PyLong_AsLong: { parameters: ["usize"], result: "i32" },
  PyLong_FromLong: { parameters: ["i64"], result: "usize" },
  PyUnicode_DecodeUTF8: { parameters: ["buffer", "isize", "usize"], result: "usize" },
  PyUnicode_DecodeUTF8_at: {
    name: "PyUnicode_DecodeUTF8",
    parameters: ["usize", "isize", "usize"],
    result: "usize",
  },
  PyUnicode_AsUTF8AndSize: { parameters: ["usize", "buffer"], result: "usize" },
  PyBytes_FromStringAndSize: { parameters: ["usize", "isize"], result: "usize" },
  PyBytes_AsString: { parameters: ["usize"], result: "usize" },
  PyMemoryView_FromMemory: { parameters: ["usize", "isize", "i32"], result: "usize" },
  PyBytes_Size: { parameters: ["usize"], result: "isize" },
  PyCFunction_NewEx: { parameters: ["buffer", "usize", "usize"], result: "usize" },
} as const satisfies Deno.ForeignLibraryInterface;

/** libpython's functions, as called from one isolate. */
export type Api = Deno.DynamicLibrary<typeof SYMBOLS>["symbols"];

const RTLD_NOW = 2;
const RTLD_GLOBAL = 0x100;

/**
 * Opens libpython for this isolate. The first time in a process it must go through dlopen itself:
 * Deno.dlopen keeps the symbols local, and then no extension module finds them (numpy fails to load,
 * and json falls silently back on its slow Python version).
 *
 * @throws {AppLoadError} when it cannot be loaded, or is no CPython that denicorn knows.
 */
export function openPython(path: string): Api {
  if (libc().dlopen(cString(path), RTLD_NOW | RTLD_GLOBAL) === 0n) {
    throw new AppLoadError(`Cannot load ${path}: ${textAt(libc().dlerror())}`, "");
  }
  try {
    return Deno.dlopen(path, SYMBOLS).symbols;
  } catch (error) {
    const why = messageOf(error);
    throw new AppLoadError(`${path} is no CPython from 3.9 to 3.15: ${why}`, "");
  }
}
