/** What the setting `app` names: a module, and which of its exports. */

import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { AppLoadError } from "../errors.ts";

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

/** What people leave out of a path. */
const ENDINGS = [".ts", ".js", ".mjs", ".tsx", "/main.ts", "/mod.ts", "/index.ts"];

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
  if (!isFile(module)) throw new AppLoadError(whyNoFile(shown, module), "");
  return { shown, url: pathToFileURL(resolve(module)).href, name, call };
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
  } catch (error) {
    // Without the permission to look, let the import find out.
    return !(error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory);
  }
}

function whyNoFile(shown: string, path: string): string {
  const meant = ENDINGS.map((ending) => path.replace(/\/$/, "") + ending).find(isFile);
  const remedy = meant !== undefined
    ? `did you mean ${meant}?`
    : "name a .ts or .js file, a URL, npm:PACKAGE or jsr:PACKAGE; package.module:callable for Python";
  return isDirectory(path)
    ? `Cannot load the app ${shown}: ${resolve(path)} is a directory; ${remedy}`
    : `Cannot load the app ${shown}: there is no file ${resolve(path)}; ${remedy}`;
}

function isDirectory(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch {
    return false;
  }
}
