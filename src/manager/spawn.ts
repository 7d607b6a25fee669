/** How a proc is started: the same program again, in the directory of the app. */

import { appDirectory } from "../config/app.ts";
import type { Config } from "../config/config.ts";
import { messageOf, SystemError } from "../errors.ts";
import { COLLECT } from "../os/young_garbage.ts";
import { ControlEnv } from "../protocol/control.ts";

/**
 * What a proc needs of Deno. Given as flags, since it runs under the app's own deno.json, which knows
 * nothing of it. net: reusePort. no-legacy-abort: `request.signal` does not abort after each response.
 * worker-options: threads with fewer permissions than the server.
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

export interface SpawnOptions {
  /** The control socket that it is to connect to. */
  readonly path: string;
  /** What it is to show there. */
  readonly token: string;
  /** Further flags of Deno. */
  readonly denoFlags: readonly string[];
}

/** Starts a process that will be a proc. */
export function spawnProc(
  config: Config,
  { path, token, denoFlags }: SpawnOptions,
): Deno.ChildProcess {
  const cwd = projectDirectory(config);
  const { standalone } = Deno.build;
  const command = new Deno.Command(Deno.execPath(), {
    args: standalone ? Deno.args : denoArguments(config, cwd, ["-A", ...denoFlags]),
    cwd,
    env: { ...config.env, [ControlEnv.path]: path, [ControlEnv.token]: token },
    stdin: standalone ? "null" : "piped",
    stdout: "inherit",
    stderr: "inherit",
  });
  try {
    const child = command.spawn();
    if (!standalone) writeEntry(child);
    return child;
  } catch (error) {
    const reason = messageOf(error);
    throw new SystemError(`Cannot start a proc (${Deno.execPath()} in ${cwd}): ${reason}`);
  }
}

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

function writeEntry(child: Deno.ChildProcess): void {
  const entry = entryModule(import.meta.resolve("../proc/main.ts"));
  const writer = child.stdin.getWriter();
  // A child that dies before it has read it is told by its status.
  writer.write(new TextEncoder().encode(entry)).then(() => writer.close()).catch(() => {});
}

/** What is given already is left alone, whether by a flag or by DENO_V8_FLAGS. */
function withV8Flags(flags: readonly string[], { env }: Config): readonly string[] {
  const given = [env["DENO_V8_FLAGS"] ?? Deno.env.get("DENO_V8_FLAGS") ?? "", ...flags].join();
  const added = [];
  if (!/semi[-_]space/.test(given)) added.push(`--max-semi-space-size=${SEMI_SPACE_MIB}`);
  if (!/expose[-_]gc/.test(given)) added.push(EXPOSE_GC);
  return added.length === 0 ? flags : [...flags, `--v8-flags=${added.join(",")}`];
}

/** The directory of an app that is a file; else the one that is configured. */
export function projectDirectory({ app, interface: kind, chdir }: Config): string {
  return (kind === "fetch" ? appDirectory(app) : null) ?? chdir;
}

/**
 * denicorn's own lock is frozen, and does not know what a user's app imports: who tries an app
 * inside a checkout of denicorn must not be stopped by it.
 */
export function lockFlags(cwd: string): readonly string[] {
  const own = import.meta.resolve("../../deno.json");
  for (let directory = cwd; directory !== ""; directory = parent(directory)) {
    for (const name of PROJECT_FILES) {
      if (!exists(`${directory}/${name}`)) continue;
      return new URL(`file://${directory}/${name}`).href === own ? ["--no-lock"] : [];
    }
  }
  return [];
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
