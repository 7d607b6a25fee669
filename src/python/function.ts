/** JS functions that Python can call. */

import { messageOf } from "../errors.ts";
import { addressOf } from "./memory.ts";
import { type Api, type Handle, NULL } from "./symbols.ts";

/** The argument is one object (METH_O). */
const ONE_ARGUMENT = 8;
/** PyMethodDef: { const char *name; PyCFunction function; int flags; const char *doc; }. */
const METHOD_DEF_BYTES = 32;

const SIGNATURE = { parameters: ["usize", "usize"], result: "usize" } as const;

// Python points into these for as long as a function lives, which is as long as the thread.
const kept: unknown[] = [];

/**
 * A Python callable of one argument that runs `body` under the GIL. The argument's handle is
 * borrowed; the result is owned by Python. What `body` throws becomes a Python RuntimeError, or the
 * exception that is pending already. Owned.
 *
 * It may be called only on the thread that made it: Deno would hand the call of any other thread to
 * this one's event loop, and wait there for ever.
 */
export function createFunction(
  api: Api,
  name: string,
  body: (argument: Handle) => Handle,
): Handle {
  const callback = new Deno.UnsafeCallback(SIGNATURE, (_self, argument) => {
    try {
      return body(argument);
    } catch (error) {
      raise(api, error);
      return NULL;
    }
  });
  const shown = new TextEncoder().encode(`${name}\0`);
  const definition = new BigUint64Array(METHOD_DEF_BYTES / 8);
  definition[0] = addressOf(shown);
  definition[1] = Deno.UnsafePointer.value(callback.pointer);
  definition[2] = BigInt(ONE_ARGUMENT);
  kept.push(callback, shown, definition);
  return api.PyCFunction_NewEx(definition, NULL, NULL);
}

function raise(api: Api, error: unknown): void {
  if (api.PyErr_Occurred() !== NULL) return;
  const builtins = api.PyImport_ImportModule(text("builtins"));
  const type = api.PyObject_GetAttrString(builtins, text("RuntimeError"));
  api.PyErr_SetString(type, text(messageOf(error)));
  api.Py_DecRef(type);
  api.Py_DecRef(builtins);
}

function text(value: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(`${value}\0`);
}
