/** `workers: 0`: the process of the command line becomes the solo one, which serves by itself. */

import { SystemError } from "../errors.ts";
import { becomeProgram } from "../os/process/exec.ts";
import { libcUnavailable } from "../os/libc.ts";
import type { SoloStart } from "../protocol/solo_start.ts";
import { ownDenoPart } from "./command_line.ts";
import { soloFlags } from "./deno_flags.ts";
import { denoArguments, entryModule, projectDirectory } from "./deno_arguments.ts";

/**
 * Starts Deno anew in this very process, in the app's directory and with its entry over stdin, so that
 * the app's deno.json, package.json and lock hold, as in a proc of a manager's. Process id, parent and
 * descriptors stay, and with them whatever a supervisor knows. Permissions stay as they were given.
 *
 * Returns why that cannot be; null in a compiled program, which has no configuration to be found.
 */
export function becomeSolo(start: SoloStart): string | null {
  if (Deno.build.standalone) return null;
  const why = libcUnavailable();
  if (why !== null) return why;
  const { config } = start;
  const before = Deno.cwd();
  const part = ownDenoPart();
  if (part === null) return "how this process was started is unknown";
  const flags = soloFlags(part, before);
  if (typeof flags === "string") return flags;
  const cwd = projectDirectory(config);
  try {
    Deno.chdir(cwd);
    // Deno reads its own variables (DENO_V8_FLAGS, …) at its start.
    for (const [name, value] of Object.entries(config.env)) Deno.env.set(name, value);
    const entry = entryModule(import.meta.resolve("../proc/solo_main.ts"), {
      ...start,
      ranForMs: performance.now(),
    });
    becomeProgram(Deno.execPath(), denoArguments(config, cwd, flags), entry);
  } catch (error) {
    Deno.chdir(before);
    if (error instanceof SystemError) return error.message;
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.PermissionDenied) {
      return `Cannot enter ${cwd}: ${error.message}`;
    }
    throw error;
  }
}
