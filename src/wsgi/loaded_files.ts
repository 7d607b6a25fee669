/** Which files of the user's own a Python app has loaded. */

import type { Config } from "../config/config.ts";
import { Gil } from "../python/gil.ts";
import { findPython } from "../python/library.ts";
import { callMethod, importModule, toText } from "../python/objects.ts";
import { openPython } from "../python/symbols.ts";
import { moduleName } from "./modules.ts";

/**
 * Paths of the modules that are loaded, without those that came with Python or were installed. Waits
 * for the GIL, which an app may keep for long: for development only.
 */
export function loadedFiles(config: Config): string[] {
  const api = openPython(findPython(config.python).path);
  return new Gil(api).with(() => {
    const module = importModule(api, moduleName("process"));
    const json = callMethod(api, module, "loaded_files");
    const files = JSON.parse(toText(api, json)) as string[];
    api.Py_DecRef(json);
    api.Py_DecRef(module);
    return files;
  });
}
