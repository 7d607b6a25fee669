/** What the setting `app` names: a module, and which of its exports. */

import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { requireFile } from "../config/app_file.ts";

export interface AppSpecifier {
  /** As the user wrote it, for messages. */
  readonly shown: string;
  /** What `import()` takes. */
  readonly url: string;
  /** The name of an export, or null where none was named: the default one, or a server of its own. */
  readonly name: string | null;
  /** The export is a factory: `app.ts:createApp()`. */
  readonly call: boolean;
}

const SCHEME = /^(?:file|https?|npm|jsr|data|blob):/i;

/** `:name` or `:name()` behind the last slash. A port has digits, so it is none; nor is `npm:name`. */
const EXPORT = /^(.*[^:/]):([A-Za-z_$][\w$]*)(\(\))?$/s;

/**
 * Parses `path`, `path:name`, `path:factory()`, and the same with a URL, `npm:` or `jsr:` in place of
 * the path. Paths are relative to the current directory.
 *
 * @throws {AppLoadError} when a path is given that is no file.
 */
export function parseAppSpecifier(shown: string): AppSpecifier {
  if (!SCHEME.test(shown) && isFile(shown)) {
    return { shown, url: pathToFileURL(resolve(shown)).href, name: null, call: false };
  }
  const [module, name, call] = splitExport(shown);
  if (SCHEME.test(module)) return { shown, url: module, name, call };
  const path = resolve(module);
  requireFile(path);
  return { shown, url: pathToFileURL(path).href, name, call };
}

function splitExport(shown: string): [module: string, name: string | null, call: boolean] {
  const match = EXPORT.exec(shown);
  const module = match?.[1] ?? shown;
  // `npm:hono` is a scheme and a package, not a module "npm" with an export "hono".
  if (match === null || /^(?:npm|jsr)$/i.test(module) || /^data:/i.test(module)) {
    return [shown, null, false];
  }
  return [module, match[2] ?? null, match[3] !== undefined];
}

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}
