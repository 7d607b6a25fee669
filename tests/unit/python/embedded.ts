/** A program for the tests: starts the Python that it is told to, and prints what that looks like. */

import { createFunction } from "../../../src/python/function.ts";
import { Gil } from "../../../src/python/gil.ts";
import { startPython } from "../../../src/python/interpreter.ts";
import { findPython } from "../../../src/python/library.ts";
import * as objects from "../../../src/python/objects.ts";

/** Signals with a handler, as a mask, by the kernel's word. */
const caught = () => Deno.readTextFileSync("/proc/self/status").match(/SigCgt:\s*(\w+)/)![1]!;

const [python = "", code = "{}"] = Deno.args;
const library = findPython(python === "" ? null : python);
const caughtBefore = caught();
const api = startPython(library);
const gil = new Gil(api);
const answer = gil.with(() => {
  const module = objects.runModule(api, "probe", "<probe>", `import json, sys\n${code}`);
  const ask = createFunction(api, "ask", (argument) => {
    const text = objects.toText(api, argument);
    if (text === "throw") throw new Error("thrown in JS");
    return objects.fromText(api, `${text} answered`);
  });
  try {
    return JSON.parse(
      objects.toText(api, objects.callMethod(api, module, "probe", ask)),
    );
  } catch (error) {
    if (!(error instanceof objects.PythonError)) throw error;
    return { type: error.type, message: error.message, trace: error.trace };
  }
});
console.log(JSON.stringify({ library, answer, caught: [caughtBefore, caught()] }));
// Python's main thread never ends.
Deno.exit(0);
