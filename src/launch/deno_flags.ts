/** Which of Deno's own flags, given to this process, are meant for those that serve as well. */

import { isAbsolute, resolve } from "node:path";
import { placeOf } from "./start_directory.ts";

/**
 * What decides how an app runs. Not permissions: procs have all of them, as their manager needs
 * them all; `app_permissions` narrows the threads. Not --inspect, whose port can be had once.
 */
const INHERITED = [
  "--v8-flags",
  "--unstable",
  "--cert",
  "--unsafely-ignore-certificate-errors",
  "--location",
  "--cached-only",
  "--no-remote",
  "--no-npm",
  "--node-modules-dir",
  "--conditions",
  "--preload",
  "--require",
  "--strace-ops",
] as const;

/** The part of them whose value may stand in the next argument. */
const WITH_VALUE: ReadonlySet<string> = new Set([
  "--cert",
  "--location",
  "--conditions",
  "--preload",
  "--require",
]);

/** What a process that takes this one's place is given as well: the same permissions, the debugger. */
const KEPT =
  /^(?:-[ARWNESI]+|--(?:allow|deny|ignore)-[a-z]+|--no-prompt|--inspect(?:-brk|-wait)?)$/;

/** Of these, the ones whose values are paths; programs to run may be names as well. */
const PATHS = /^(?:-[ARWNESI]*[RW]|--(?:allow|deny|ignore)-(?:read|write|ffi|run))$/;

/** Those whose value is one path, or a module's URL. */
const PATH: ReadonlySet<string> = new Set(["--cert", "--preload", "--require"]);

/** What a process cannot keep that takes this one's place, and why. */
const OBSTACLES: readonly (readonly [flag: RegExp, why: string])[] = [
  [/^(?:-P|--permission-set)$/, "a set of permissions is named, which is denicorn's deno.json's"],
  [/^--watch(?:-hmr|-exclude)?$/, "Deno watches this process (denicorn has --reload)"],
];

/**
 * Deno's part of a command line: what stands before the module.
 *
 * @param args What followed `deno`: `run`, flags, the module, and denicorn's own arguments.
 * @param own denicorn's own.
 */
export function denoPart(args: readonly string[], own: readonly string[]): readonly string[] {
  return args.slice(0, Math.max(0, args.length - own.length - 1));
}

/** Picks out what a process needs that takes this one's place; or says why there can be none. */
export function soloFlags(args: readonly string[], cwd: string): readonly string[] | string {
  const names = args.map((flag) => flag.split("=", 1)[0] ?? "");
  for (const [flag, why] of OBSTACLES) {
    if (names.some((name) => flag.test(name))) return why;
  }
  const kept = args.filter((_, i) => KEPT.test(names[i] ?? ""));
  return [...kept.map((flag) => withAbsolutePaths(flag, cwd)), ...inheritedFlags(args, cwd)];
}

/** The place of the working directory is taken by the app's. */
function withAbsolutePaths(flag: string, cwd: string): string {
  const [name = "", ...rest] = flag.split("=");
  if (rest.length === 0) return flag;
  const value = rest.join("=");
  if (PATH.has(name)) return `${name}=${/^[a-z]+:/i.test(value) ? value : absolute(value, cwd)}`;
  if (!PATHS.test(name)) return flag;
  const isProgram = (value: string) => name.endsWith("-run") && !value.includes("/");
  const values = value.split(",").map((value) =>
    value === "" || isAbsolute(value) || isProgram(value) ? value : absolute(value, cwd)
  );
  return `${name}=${values.join()}`;
}

/** `..` climbs from the place, as it did for Deno itself; all else follows the directory's symlink. */
function absolute(path: string, cwd: string): string {
  return resolve(path.split("/").includes("..") ? placeOf(cwd) : cwd, path);
}

/**
 * Picks out what procs are given, who have all permissions.
 *
 * @param args Deno's part.
 * @param cwd What its relative paths start from: the procs' is the app's.
 */
export function inheritedFlags(args: readonly string[], cwd: string): string[] {
  const flags: string[] = [];
  for (let i = 0; i < args.length; i++) {
    const flag = args[i] ?? "";
    const [name = ""] = flag.split("=");
    const isInherited = INHERITED.some((known) =>
      name === known || known === "--unstable" && name.startsWith("--unstable-")
    );
    if (!isInherited) continue;
    const value = args[i + 1];
    const isApart = WITH_VALUE.has(flag) && value !== undefined;
    flags.push(withAbsolutePaths(isApart ? `${flag}=${value}` : flag, cwd));
    if (isApart) i++;
  }
  return flags;
}
