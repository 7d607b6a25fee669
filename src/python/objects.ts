/** Python objects from JS: made, read, called. Everything here runs under the GIL. */

import { addressOf, bytesAt } from "./memory.ts";
import { type Api, type Handle, NULL } from "./symbols.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const names = new Map<string, Uint8Array<ArrayBuffer>>();

/** A Python exception that reached us; its message is the traceback's last line. */
export class PythonError extends Error {
  /** The traceback as Python prints it. */
  readonly trace: string;
  /** Class of the exception: "SystemExit". */
  readonly type: string;

  constructor(type: string, trace: string) {
    super(trace.trimEnd().split("\n").findLast((line) => /^\S/.test(line)) ?? type);
    this.name = "PythonError";
    this.type = type;
    this.trace = trace;
  }
}

/** A name as C wants it; the few names that we use are encoded once. */
function cName(name: string): Uint8Array<ArrayBuffer> {
  let bytes = names.get(name);
  if (bytes === undefined) names.set(name, bytes = encoder.encode(`${name}\0`));
  return bytes;
}

/** Returns an owned handle, or throws the exception that a NULL stands for. */
export function checked(api: Api, handle: Handle): Handle {
  if (handle === NULL) throw takeError(api);
  return handle;
}

/** Imports a module. Owned. */
export function importModule(api: Api, name: string): Handle {
  return checked(api, api.PyImport_ImportModule(cName(name)));
}

/** Runs source code as the module `name`, shown as `file` in tracebacks. Owned. */
export function runModule(api: Api, name: string, file: string, source: string): Handle {
  const FILE_INPUT = 257;
  const code = checked(
    api,
    api.Py_CompileString(encoder.encode(`${source}\0`), encoder.encode(`${file}\0`), FILE_INPUT),
  );
  try {
    return checked(api, api.PyImport_ExecCodeModule(cName(name), code));
  } finally {
    api.Py_DecRef(code);
  }
}

/** An attribute of an object. Owned. */
export function attribute(api: Api, object: Handle, name: string): Handle {
  return checked(api, api.PyObject_GetAttrString(object, cName(name)));
}

/** A str. Owned. */
export function fromText(api: Api, text: string): Handle {
  const bytes = encoder.encode(text);
  return checked(api, api.PyUnicode_DecodeUTF8(bytes, BigInt(bytes.length), NULL));
}

/** A memoryview of shared words, which must live as long as the process. Owned. */
export function viewOf(api: Api, words: Int32Array): Handle {
  const PYBUF_WRITE = 0x200;
  return checked(
    api,
    api.PyMemoryView_FromMemory(addressOf(words), BigInt(words.byteLength), PYBUF_WRITE),
  );
}

/** What a str holds; what is no Unicode, as the bytes of a file's name, shows as `\udcff`. */
export function toText(api: Api, object: Handle): string {
  const size = new BigInt64Array(1);
  const address = api.PyUnicode_AsUTF8AndSize(object, size);
  if (address !== NULL) return decoder.decode(bytesAt(address, Number(size[0])));
  api.PyErr_Clear();
  const args = ["utf-8", "backslashreplace"].map((it) => fromText(api, it));
  const bytes = callMethod(api, object, "encode", ...args);
  try {
    const length = Number(api.PyBytes_Size(bytes));
    return decoder.decode(bytesAt(api.PyBytes_AsString(bytes), length));
  } finally {
    api.Py_DecRef(bytes);
  }
}

/** Calls `callable` with `args`, whose handles are given away. Owned, or throws PythonError. */
export function call(api: Api, callable: Handle, ...args: Handle[]): Handle {
  const tuple = checked(api, api.PyTuple_New(BigInt(args.length)));
  for (let i = 0; i < args.length; i++) api.PyTuple_SetItem(tuple, BigInt(i), args[i]!);
  const result = api.PyObject_Call(callable, tuple, NULL);
  api.Py_DecRef(tuple);
  return checked(api, result);
}

/** Calls `module.name(*args)`; see {@linkcode call}. */
export function callMethod(api: Api, object: Handle, name: string, ...args: Handle[]): Handle {
  const method = attribute(api, object, name);
  try {
    return call(api, method, ...args);
  } finally {
    api.Py_DecRef(method);
  }
}

/** Takes the pending exception, with its traceback as text. */
export function takeError(api: Api): PythonError {
  const parts = [0, 1, 2].map(() => new BigUint64Array(1));
  const [type, value, traceback] = parts as [Part, Part, Part];
  api.PyErr_Fetch(type, value, traceback);
  if (type[0] === NULL) return new PythonError("SystemError", "a C function failed silently");
  api.PyErr_NormalizeException(type, value, traceback);
  try {
    return new PythonError(nameOf(api, type[0]!), format(api, parts.map((part) => part[0]!)));
  } finally {
    for (const part of parts) if (part[0] !== NULL) api.Py_DecRef(part[0]!);
  }
}

type Part = BigUint64Array<ArrayBuffer>;

function nameOf(api: Api, type: Handle): string {
  const name = api.PyObject_GetAttrString(type, cName("__name__"));
  if (name === NULL) {
    api.PyErr_Clear();
    return "Exception";
  }
  try {
    return toText(api, name);
  } finally {
    api.Py_DecRef(name);
  }
}

/** `"".join(traceback.format_exception(type, value, traceback))`, or what can be had of it. */
function format(api: Api, parts: readonly Handle[]): string {
  let module = NULL, lines = NULL, empty = NULL, joined = NULL;
  try {
    module = importModule(api, "traceback");
    lines = callMethod(api, module, "format_exception", ...parts.map((part) => given(api, part)));
    empty = fromText(api, "");
    api.Py_IncRef(lines);
    joined = callMethod(api, empty, "join", lines);
    return toText(api, joined);
  } catch {
    // An exception whose __str__ fails, or a shutdown under way.
    return `${nameOf(api, parts[0]!)}: (the traceback cannot be shown)`;
  } finally {
    for (const handle of [module, lines, empty, joined]) if (handle !== NULL) api.Py_DecRef(handle);
  }
}

/** A handle to give away: one more reference, None in place of NULL. */
function given(api: Api, handle: Handle): Handle {
  if (handle !== NULL) {
    api.Py_IncRef(handle);
    return handle;
  }
  const builtins = importModule(api, "builtins");
  try {
    return attribute(api, builtins, "None");
  } finally {
    api.Py_DecRef(builtins);
  }
}
