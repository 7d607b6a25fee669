/** The app's file has to be there: what is said where it is not, at the start and in a thread. */

import { AppLoadError } from "../errors.ts";
import { kindOf } from "./path_kind.ts";

/** What people leave out of a path. */
const ENDINGS = [".ts", ".js", ".mjs", ".tsx", "/main.ts", "/mod.ts", "/index.ts", "/index.js"];

/** Throws an AppLoadError that names what may have been meant. */
export function requireFile(path: string): void {
  const kind = kindOf(path);
  // Without the permission to look, let the import find out.
  if (kind === "file" || kind === null) return;
  const meant = ENDINGS.map((ending) => path.replace(/\/$/, "") + ending).find((it) =>
    kindOf(it) === "file"
  );
  const what = kind === "directory" ? `${path} is a directory` : `there is no file ${path}`;
  const remedy = meant !== undefined
    ? `did you mean ${meant}?`
    : "name a .ts or .js file (relative paths are taken from chdir), a URL, npm:NAME, or " +
      "package.module:callable for Python";
  throw new AppLoadError(`Cannot load the app: ${what}; ${remedy}`, "");
}
