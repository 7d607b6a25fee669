/** Why Deno does not even begin to serve an app: it says so on standard error alone. */

import { stripVTControlCharacters } from "node:util";
import type { Config } from "../config/config.ts";
import { AppLoadError, ExitCode } from "../errors.ts";
import { denoArguments, projectDirectory, projectFiles } from "./deno_arguments.ts";

/** Deno reads a few files, and loads nothing. */
const PATIENCE_MS = 5_000;

export interface DenoRefusal {
  /** The first line of what it says. */
  readonly why: string;
  /** The rest, or nothing. */
  readonly causes: string;
}

/**
 * Starts Deno as a process that serves the app is started, with nothing to run. A deno.json, package.json
 * or lock of the app's that Deno cannot read ends it, with the words that are wanted; where it ends well
 * there is another reason, and the result is null.
 */
export async function denoRefusal(
  config: Config,
  flags: readonly string[],
): Promise<DenoRefusal | null> {
  if (Deno.build.standalone) return null;
  const cwd = projectDirectory(config);
  try {
    const { code, stderr } = await new Deno.Command(Deno.execPath(), {
      args: denoArguments(config, cwd, flags),
      cwd,
      env: { ...config.env, NO_COLOR: "1" },
      stdin: "null",
      stdout: "null",
      stderr: "piped",
      signal: AbortSignal.timeout(PATIENCE_MS),
    }).output();
    return code === ExitCode.system ? parseRefusal(new TextDecoder().decode(stderr)) : null;
  } catch {
    // It cannot be started at all, which is told by whoever wanted to.
    return null;
  }
}

/** The error by which a start ends that comes to nothing so. */
export function refusalError({ app }: Config, { why, causes }: DenoRefusal): AppLoadError {
  return new AppLoadError(
    `Cannot load the app ${app}, Deno refuses to start for it: ${why}`,
    causes,
  );
}

/**
 * Throws the error where Deno refuses. To be called before this process becomes the solo one
 * (execve): afterwards nobody is left to log it. Asking Deno takes 0.1 s, so it is asked only where a
 * file of the project is not plain JSON.
 */
export async function requireProject(config: Config): Promise<void> {
  // Without the permission to start a program it cannot be known.
  const program = { name: "run", command: Deno.execPath() } as const;
  if (Deno.permissions.querySync(program).state !== "granted") return;
  if (!projectFiles(projectDirectory(config)).some(isNoJson)) return;
  const refusal = await denoRefusal(config, []);
  if (refusal !== null) throw refusalError(config, refusal);
}

function isNoJson(path: string): boolean {
  try {
    JSON.parse(Deno.readTextFileSync(path));
    return false;
  } catch (error) {
    return error instanceof SyntaxError;
  }
}

/**
 * Reads what Deno prints: `error: …`, its causes, and a backtrace of its own. It is in colour where
 * FORCE_COLOR is set, as in many a CI.
 */
export function parseRefusal(printed: string): DenoRefusal | null {
  const text = stripVTControlCharacters(printed);
  const said = /^error: (.*)/ms.exec(text.replace(/\n+Stack backtrace:.*/s, ""))?.[1];
  if (said === undefined) return null;
  const [why = "", ...rest] = said.split("\n");
  return { why, causes: rest.join("\n").trim() };
}
