/** Which files of the user's own a Python app has loaded; see python/sources.py. */

import type { Config } from "../config/config.ts";
import { Gil } from "../python/gil.ts";
import { findPython } from "../python/library.ts";
import { callMethod, importModule, toText } from "../python/objects.ts";
import { openPython } from "../python/symbols.ts";
import { moduleName } from "./modules.ts";
import { linesOf, openPipe } from "./pipe.ts";

/**
 * Tells of paths of modules, without those that came with Python or were installed, as long as the
 * process lives. Waits for the GIL, once: before there are requests, and for development only.
 */
export function watchLoadedFiles(
  config: Config,
  onLoaded: (files: readonly string[]) => void,
): void {
  const api = openPython(findPython(config.python).path);
  const fd = new Gil(api).with(() => {
    const module = importModule(api, moduleName("sources"));
    const result = callMethod(api, module, "watch");
    const text = toText(api, result);
    for (const handle of [result, module]) api.Py_DecRef(handle);
    return Number(text);
  });
  void tell(openPipe(fd), onLoaded);
}

async function tell(
  pipe: Deno.FsFile,
  onLoaded: (files: readonly string[]) => void,
): Promise<void> {
  for await (const line of linesOf(pipe)) onLoaded(JSON.parse(line) as string[]);
}
