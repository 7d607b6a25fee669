/** How Deno is started to serve an app: with which flags, from which directory, with which entry. */

import { appDirectory } from "../config/app.ts";
import type { Config } from "../config/config.ts";
import { COLLECT } from "../os/memory/young_garbage.ts";

/**
 * What a process that serves needs of Deno. Given as flags, since it runs under the app's own
 * deno.json, which knows nothing of it.
 *
 * - net: reusePort.
 * - no-legacy-abort: `request.signal` does not abort after each response.
 * - worker-options: threads with fewer permissions than the server.
 */
const UNSTABLE = [
  "--unstable-net",
  "--unstable-no-legacy-abort",
  "--unstable-worker-options",
] as const;

/**
 * The bound of V8's young generation, MiB. A server's garbage dies at once, and a small generation
 * probably stays in the CPU's cache. Left alone V8 lets it grow, which with two isolates in a proc
 * costs a quarter more CPU, three to four times the p99 and twice the memory (hello and Hono in
 * bench/, 64 connections). 1, 2 and 4 do alike, 8 is worse; with bodies of 10 KiB it is all one.
 */
const SEMI_SPACE_MIB = 4;

/** So that young_garbage.ts can have the young generation collected. */
const EXPOSE_GC = `--expose-gc-as=${COLLECT}`;

/** Where Deno looks for a project's configuration, in each directory on the way up. */
const PROJECT_FILES = ["deno.json", "deno.jsonc", "package.json"] as const;

/**
 * Deno's arguments for a process that serves this app from `cwd`. Its entry comes over stdin: then
 * Deno takes deno.json, package.json and the lock from the working directory, the app's own project,
 * as `deno run app.ts` would there. With a path as the entry it would take denicorn's.
 */
export function denoArguments(
  config: Config,
  cwd: string,
  flags: readonly string[],
): string[] {
  return ["run", ...UNSTABLE, ...withV8Flags(flags, config), ...lockFlags(cwd), "-"];
}

/** Such an entry: it calls `main` of the module with what is given. */
export function entryModule(module: string, given?: object): string {
  // Not as a literal: there a key "__proto__" would be no key.
  const argument = given === undefined
    ? ""
    : `JSON.parse(${JSON.stringify(JSON.stringify(given))})`;
  return `import { main } from ${JSON.stringify(module)};\nawait main(${argument});\n`;
}

/** What is given already is left alone, whether by a flag or by DENO_V8_FLAGS. */
function withV8Flags(flags: readonly string[], { env }: Config): readonly string[] {
  const given = [env["DENO_V8_FLAGS"] ?? Deno.env.get("DENO_V8_FLAGS") ?? "", ...flags].join();
  const added = [];
  if (!/semi[-_]space/.test(given)) added.push(`--max-semi-space-size=${SEMI_SPACE_MIB}`);
  if (!/expose[-_]gc/.test(given)) added.push(EXPOSE_GC);
  return added.length === 0 ? flags : [...flags, `--v8-flags=${added.join(",")}`];
}

/**
 * The directory of an app that is a file; else the one that is configured. An installed program
 * (node_modules/…) belongs to who has installed it: within node_modules Deno starts no threads.
 */
export function projectDirectory({ app, interface: kind, chdir }: Config): string {
  const directory = (kind === "fetch" ? appDirectory(app) : null) ?? chdir;
  return /^(.*?)\/node_modules(?:\/|$)/s.exec(directory)?.[1] || directory;
}

/**
 * denicorn's own lock is frozen, and does not know what a user's app imports: who tries an app
 * inside a checkout of denicorn must not be stopped by it.
 */
export function lockFlags(cwd: string): readonly string[] {
  const own = import.meta.resolve("../../deno.json");
  const [nearest] = foundProjectFiles(cwd);
  return nearest !== undefined && new URL(`file://${nearest}`).href === own ? ["--no-lock"] : [];
}

/** The configuration of a project that holds in a directory, the nearest first. */
export function foundProjectFiles(cwd: string): string[] {
  return projectFiles(cwd).filter(exists);
}

/** Where a project's configuration may be that holds in a directory, the nearest first. */
export function projectFiles(cwd: string): string[] {
  const files = [];
  for (let directory = cwd; directory !== ""; directory = parent(directory)) {
    files.push(...PROJECT_FILES.map((name) => `${directory}/${name}`));
  }
  return files;
}

function parent(directory: string): string {
  return directory.slice(0, directory.lastIndexOf("/"));
}

function exists(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}
