/** How a proc is started: the same program again, in the directory of the app. */

import type { Config } from "../../config/config.ts";
import { messageOf, SystemError } from "../../errors.ts";
import { denoArguments, entryModule, projectDirectory } from "../../launch/deno_arguments.ts";
import { ControlEnv } from "../../protocol/control/control.ts";

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

function writeEntry(child: Deno.ChildProcess): void {
  const entry = entryModule(import.meta.resolve("../../proc/main.ts"));
  const writer = child.stdin.getWriter();
  // A child that dies before it has read it is told by its status.
  writer.write(new TextEncoder().encode(entry)).then(() => writer.close()).catch(() => {});
}
