/** Python in a proc, as the server sees it: started once, set up, ended. The app runs in threads. */

import { SOFTWARE } from "../config/version.ts";
import type { Config } from "../config/config.ts";
import { Gil } from "../python/gil.ts";
import { startPython } from "../python/interpreter.ts";
import { findPython, type PythonLibrary } from "../python/library.ts";
import { callMethod, fromText, importModule, toText, viewOf } from "../python/objects.ts";
import type { CommonQueueMemory } from "../protocol/wsgi/common_queue.ts";
import type { Ring } from "../protocol/wsgi/byte_ring.ts";
import type { Api, Handle } from "../python/symbols.ts";
import { createModules, moduleName } from "./modules.ts";

/** Memory that Python itself reads and writes. */
export interface SharedWithPython {
  /** What WebSockets send (protocol/wsgi/sockets.ts). */
  readonly ring: Ring;
  readonly queue: CommonQueueMemory;
}

export interface WsgiProcess {
  readonly library: PythonLibrary;
  /** Descriptor of a pipe in which there is something when a thread of the app's own has sent. */
  readonly wakes: number;
  /** Descriptor of a pipe that takes what clients have taken; never blocks. */
  readonly credits: number;
  /** Descriptors of two pipes, null unless `timeout_warning` is set; see python/stacks.py. */
  readonly stacks: { readonly ask: number; readonly answers: number } | null;
}

/**
 * Starts Python, whose main thread imports the app and never serves it: so signal handlers, which run
 * there alone, cannot come in between.
 *
 * @throws {AppLoadError} when there is none that can be embedded.
 */
export function startWsgiProcess(config: Config, shared: SharedWithPython): WsgiProcess {
  const library = findPython(config.python);
  const api = startPython(library);
  const tellsStacks = config.timeout > 0 && config.timeout_warning > 0;
  const [wakes, credits, ask, answers] = new Gil(api).with(() => {
    createModules(api);
    const module = importModule(api, moduleName("process"));
    const settings = JSON.stringify({
      app: config.app,
      chdir: Deno.cwd(),
      pythonpath: config.pythonpath,
      software: SOFTWARE,
      graceful_timeout: config.graceful_timeout,
    });
    api.Py_DecRef(callMethod(api, module, "set_up", fromText(api, settings)));
    api.Py_DecRef(module);
    return [...setUpSockets(api, shared), ...tellsStacks ? setUpStacks(api) : []];
  });
  const stacks = tellsStacks ? { ask: ask!, answers: answers! } : null;
  return { library, wakes: wakes!, credits: credits!, stacks };
}

/** Returns the descriptors of {@linkcode WsgiProcess}. */
function setUpSockets(api: Api, { ring, queue }: SharedWithPython): number[] {
  const module = importModule(api, moduleName("socket_ring"));
  const views = [ring.words, ring.control, queue.control].map((words) => viewOf(api, words));
  return numbers(api, module, callMethod(api, module, "set_up", ...views));
}

/** Returns the descriptors of {@linkcode WsgiProcess.stacks}. */
function setUpStacks(api: Api): number[] {
  const module = importModule(api, moduleName("stacks"));
  return numbers(api, module, callMethod(api, module, "set_up"));
}

/** Reads the numbers that a function of `module` has returned as text. Takes both handles. */
function numbers(api: Api, module: Handle, result: Handle): number[] {
  const text = toText(api, result);
  for (const handle of [result, module]) api.Py_DecRef(handle);
  return text.split(" ").map(Number);
}
