/** Why an app cannot be loaded, in words that help. */

import { AppLoadError } from "../errors.ts";
import type { AppSpecifier } from "./app_specifier.ts";
import { toldOf } from "./trace.ts";

/** What the app threw. */
export function loadError(app: AppSpecifier, thrown: unknown): AppLoadError {
  const { summary, trace } = toldOf(thrown);
  const told = `Cannot load the app ${app.shown}: ${summary}${remedyFor(thrown)}`;
  return new AppLoadError(told, trace, { cause: thrown });
}

/** Deno's functions that are not there without a flag, and the flag's name. */
const UNSTABLE: Readonly<Record<string, string>> = { openKv: "kv", cron: "cron" };

/** What `deno run` advises and its errors do not say, for what people meet first. */
function remedyFor(thrown: unknown): string {
  if (!(thrown instanceof Error)) return "";
  // A CommonJS module by its text, and not by its name.
  if (/^(?:require|module|exports|__dirname|__filename) is not defined$/.test(thrown.message)) {
    return '; a CommonJS module is named .cjs, or its package.json says "type": "commonjs"';
  }
  if ("code" in thrown && thrown.code === "EADDRINUSE") {
    return "; each thread of each process loads the app, and one alone can have that address: give " +
      "what is no HTTP server a program of its own, or the app -w 1 -t 1";
  }
  const name = /^Deno\.(\w+) is not a function$/.exec(thrown.message)?.[1] ?? "";
  const flag = Object.hasOwn(UNSTABLE, name) ? UNSTABLE[name] : undefined;
  if (flag === undefined) return "";
  return `; it is unstable: write "unstable": ["${flag}"] into the app's deno.json, or ` +
    `--unstable-${flag} before mod.ts`;
}

/** It exports no handler, and has not started a server. `guard`: how it asks whether it is the program. */
export function noServer(
  app: AppSpecifier,
  exports: readonly string[],
  guard: string | null,
): AppLoadError {
  const why = guard === null
    ? ""
    : ` (what it does where ${guard} holds is not done here: that is for the program of \`deno run\`)`;
  const offer = exports.length === 0
    ? "it exports nothing: "
    : `it exports ${exports.join(", ")}: serve one with ${app.shown}:${exports[0]}, or `;
  return new AppLoadError(
    `Cannot load the app ${app.shown}: it has no default export and starts no server itself${why}; ` +
      offer + "add `export default { fetch }`",
    "",
  );
}

/** The export that was named, or else the default one, is not there. */
export function noExport(app: AppSpecifier, exports: readonly string[]): AppLoadError {
  const there = exports.join(", ") || "nothing";
  return new AppLoadError(
    `Cannot load the app ${app.shown}: it has no export ${
      app.name ?? "default"
    }; it exports ${there}`,
    "",
  );
}

/** Its export is neither a handler nor a server. */
export function noHandler(app: AppSpecifier, value: unknown): AppLoadError {
  const name = app.name ?? "default";
  const why = typeof value === "function"
    ? `${value.name === name ? "a class" : `the class ${value.name}`}; export an instance of it`
    : `${kindOf(value)}; it must be a function, or an object with fetch() or listen()`;
  return new AppLoadError(`Cannot load the app ${app.shown}: its export ${name} is ${why}`, "");
}

function kindOf(value: unknown): string {
  if (value === null || value === undefined) return `${value}`;
  if (typeof value !== "object") return `a ${typeof value} (${String(value).slice(0, 40)})`;
  const fetch = "fetch" in value ? `, whose fetch is a ${typeof value.fetch}` : " without fetch()";
  return `an object${fetch}`;
}
