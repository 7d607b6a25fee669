/** Why Deno does not even begin to serve an app: it says so on standard error alone. */

import type { Config } from "../config/config.ts";
import { ExitCode } from "../errors.ts";
import { denoArguments, projectDirectory } from "./deno_arguments.ts";

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

/** Reads what Deno prints: `error: …`, its causes, and a backtrace of its own. */
export function parseRefusal(text: string): DenoRefusal | null {
  const said = /^error: (.*)/ms.exec(text.replace(/\n+Stack backtrace:.*/s, ""))?.[1];
  if (said === undefined) return null;
  const [why = "", ...rest] = said.split("\n");
  return { why, causes: rest.join("\n").trim() };
}
