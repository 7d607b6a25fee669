/** Python in a proc, as the server sees it: started once, set up, ended. The app runs in threads. */

import type { Config } from "../config/config.ts";
import { Gil } from "../python/gil.ts";
import { startPython } from "../python/interpreter.ts";
import { findPython, type PythonLibrary } from "../python/library.ts";
import { callMethod, fromText, importModule } from "../python/objects.ts";
import { createModules, moduleName } from "./modules.ts";

/**
 * Starts Python in the calling thread, which is Python's main thread from then on and never runs the
 * app: so signal handlers, which run there alone, cannot come in between.
 *
 * @throws {AppLoadError} when there is none that can be embedded.
 */
export function startWsgiProcess(config: Config): PythonLibrary {
  const library = findPython(config.python);
  const api = startPython(library);
  new Gil(api).with(() => {
    createModules(api);
    const module = importModule(api, moduleName("process"));
    const settings = JSON.stringify({
      app: config.app,
      chdir: Deno.cwd(),
      pythonpath: config.pythonpath,
    });
    api.Py_DecRef(callMethod(api, module, "set_up", fromText(api, settings)));
    api.Py_DecRef(module);
  });
  return library;
}
