/** Settings of the app: what is served, where it lives, what it may do. */

import { BadValue } from "../values/bad_value.ts";
import { choice, type Kind, optional, path, text, textOf, toggle } from "../values/kinds.ts";
import { list, pairs, permissions } from "../values/kinds_many.ts";
import { setting } from "../setting.ts";

/** `/prefix` without a slash at its end, or nothing. */
function mountPoint(): Kind<string> {
  return {
    ...text("PATH"),
    values: "path that begins with `/`, or nothing",
    parse(raw) {
      const value = raw === null ? "" : textOf(raw).replace(/\/+$/, "");
      if (value !== "" && !/^\/[\x21-\x7e]*$/.test(value)) {
        throw new BadValue("is no path that begins with / and holds visible ASCII alone");
      }
      return value;
    },
  };
}

export const appSettings = {
  app: setting({
    section: "app",
    kind: optional(text("APP")),
    default: null,
    // yimmo-wsgi names the two halves apart.
    find: ({ env }) => {
      const [module, callable] = [env("YIMMO_WSGI_MODULE"), env("YIMMO_WSGI_APP")];
      return module && callable
        ? { raw: `${module}:${callable}`, from: "environment YIMMO_WSGI_MODULE" }
        : null;
    },
    help:
      "What to serve: a module with a fetch handler (app.ts, app.ts:name, a URL, npm:, jsr:), " +
      "or package.module:callable for Python. Stands as the one argument of the command line.",
  }),
  interface: setting({
    section: "app",
    kind: choice(["auto", "fetch", "wsgi"], { python: "wsgi", deno: "fetch" }),
    default: "auto",
    help: "How the app is called. `auto` tells it by the form of APP.",
  }),
  chdir: setting({
    section: "app",
    kind: path("DIR"),
    default: ".",
    defaultText: "the directory denicorn is started in",
    help:
      "The app's working directory. Relative paths of all settings are taken from it. Where it is " +
      "reached by a symlink, HUP follows that.",
  }),
  env: setting({
    section: "app",
    kind: pairs(),
    default: {},
    short: "e",
    help: "Sets environment variables for the app. May be repeated.",
    example: '{ DATABASE_URL: "postgres:///shop" }',
  }),
  hooks: setting({
    section: "app",
    kind: optional(path()),
    default: null,
    help: "TypeScript module whose exports run at named moments: whenReady, postSpawn, onExit, ….",
  }),
  app_permissions: setting({
    section: "app",
    kind: optional(permissions()),
    default: null,
    defaultText: "the same as the server's",
    help: "Deno's permissions of the threads that run a fetch app, in Deno's own words; what is " +
      "not named is refused.",
    example: "{ net: [db.internal:5432], env: [DATABASE_URL] }",
  }),
} as const;

export const pythonSettings = {
  python: setting({
    section: "python",
    kind: optional(path("FILE")),
    default: null,
    defaultText: "$VIRTUAL_ENV, else python3 on the PATH",
    help: "Interpreter, or its libpython, that Python apps run on.",
  }),
  pythonpath: setting({
    section: "python",
    kind: list(path("DIR")),
    default: [],
    help: "Directories that come first on Python's sys.path, after the working directory. " +
      "May be repeated.",
    example: "[lib, vendor]",
  }),
  script_name: setting({
    section: "python",
    kind: mountPoint(),
    default: "",
    help: "Prefix under which the app is mounted: SCRIPT_NAME in the WSGI environ.",
    example: "/shop",
  }),
} as const;

export const developmentSettings = {
  reload: setting({
    section: "development",
    kind: toggle(),
    default: false,
    help: "Reloads when a file of the app, or its deno.json, changes. For development.",
  }),
  reload_extra_files: setting({
    section: "development",
    kind: list(path("GLOB")),
    default: [],
    spellings: [{ flags: ["reload-extra-file"] }],
    help: "More files to watch, with globs. May be repeated.",
    example: '["templates/**/*.html"]',
  }),
} as const;
