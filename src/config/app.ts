/** What the setting `app` names, as far as that is told by its form alone. */

import { dirname, isAbsolute, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { messageOf } from "../errors.ts";
import { BadValue } from "./values/bad_value.ts";

export type Interface = "fetch" | "wsgi";

/** Files that hold a fetch handler, and what may follow: `:name`, `:factory()`. */
const SCRIPT = /^(.+\.(?:[cm]?[jt]s|[jt]sx))(:[A-Za-z_$][\w$]*(?:\(\))?)?$/s;
/** A script with something behind it that is no name of an export. */
const ODD_EXPORT = /^.+\.(?:[cm]?[jt]s|[jt]sx):/s;
const EXPORT = /:[A-Za-z_$][\w$]*(?:\(\))?$/;
const SCHEME = /^(?:https?|file|npm|jsr|data):/i;
const PYTHON_FILE = /^(.+)\.py(?::(.+))?$/s;
/** `package.module:callable`, `module:make_app("arg")`. */
const PYTHON = /^[\p{L}_][\p{L}\p{N}_]*(?:\.[\p{L}_][\p{L}\p{N}_]*)*:[\p{L}_].*$/su;
/** A module alone: its callable is `application` or `app`. */
const PYTHON_MODULE = /^[\p{L}_][\p{L}\p{N}_]*(?:\.[\p{L}_][\p{L}\p{N}_]*)*$/u;

const FORMS = "app.ts, app.ts:name, a URL, npm:NAME, or package.module:callable for Python";

/**
 * Tells how an app is called.
 *
 * @throws {BadValue} when its form does not tell.
 */
export function interfaceOf(app: string): Interface {
  if (SCHEME.test(app) || SCRIPT.test(app)) return "fetch";
  const file = PYTHON_FILE.exec(app);
  if (file !== null) {
    const [, path = "", callable = "app"] = file;
    const meant = `${moduleOf(path)}:${callable}`;
    throw new BadValue(
      `is a file, and Python apps are named by module: did you mean ${meant}?`,
    );
  }
  if (ODD_EXPORT.test(app)) {
    throw new BadValue(
      "names no export: what follows the file is one name, or a call without arguments " +
        "(app.ts:name, app.ts:create())",
    );
  }
  if (PYTHON.test(app)) return "wsgi";
  const remedy = /(?:^|\.)wsgi$/.test(app)
    ? `did you mean ${app}:application?` // Django's
    : PYTHON_MODULE.test(app)
    ? `did you mean ${app}.ts, or ${app}:app for Python?`
    : `write it as ${FORMS}, or say which with --interface fetch or wsgi`;
  throw new BadValue(`does not tell what it is: ${remedy}`);
}

/** The module of a Python file without its ending; with --chdir where it lies elsewhere. */
function moduleOf(path: string): string {
  const dotted = path.replace(/^\.\//, "").replaceAll("/", ".");
  if (PYTHON_MODULE.test(dotted)) return dotted;
  const slash = path.lastIndexOf("/");
  return slash < 0 ? path : `--chdir ${path.slice(0, slash) || "/"} ${path.slice(slash + 1)}`;
}

/**
 * The app with its path made absolute; modules of Python and URLs stay as they are.
 *
 * @throws {BadValue} for a file: URL that can be nobody's path.
 */
export function absoluteApp(app: string, kind: Interface, directory: string): string {
  if (kind === "wsgi" || isAbsolute(app)) return app;
  if (SCHEME.test(app)) {
    requirePath(app);
    return app;
  }
  return resolve(directory, app);
}

/** Two slashes make a host of the first folder; an encoded slash is in no file's name. */
function requirePath(app: string): void {
  try {
    appFile(app);
  } catch (error) {
    throw new BadValue(
      `is no file's URL (${messageOf(error)}): write file:///PATH, or the path alone`,
    );
  }
}

/** The path of the app's file, without the name of an export, or null where it is no file. */
export function appFile(app: string): string | null {
  const file = SCRIPT.exec(app)?.[1] ?? app.replace(EXPORT, "");
  if (/^file:/i.test(file)) return fileURLToPath(file);
  return isAbsolute(file) ? file : null;
}

/** The directory of the app's file, from which Deno finds its deno.json or package.json; or null. */
export function appDirectory(app: string): string | null {
  const file = appFile(app);
  return file === null ? null : dirname(file);
}
