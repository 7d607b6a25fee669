/** How this very process was started, to start it once more. */

import { readProcSelf } from "../os/process/proc_file.ts";
import { denoPart } from "./deno_flags.ts";

export interface CommandLine {
  readonly program: string;
  readonly args: readonly string[];
}

/**
 * As the kernel has it, with Deno's own flags. Null where it cannot be read: nothing is guessed, since a
 * process started by guess could have more permissions than this one. Call it before the process takes
 * another title, which is written over it.
 *
 * @param argv The arguments of denicorn alone, for systems that do not tell the rest.
 */
export function ownCommandLine(argv: readonly string[]): CommandLine | null {
  const program = Deno.execPath();
  if (Deno.build.standalone) return { program, args: argv };
  const line = readProcSelf("cmdline");
  if (line !== null) return { program, args: line.replace(/\0$/, "").split("\0").slice(1) };
  if (Deno.build.os === "linux") return null;
  return { program, args: ["run", "-A", import.meta.resolve("../../mod.ts"), ...argv] };
}

/** Deno's part of it: what stands before the module. */
export function ownDenoPart(): readonly string[] | null {
  const line = ownCommandLine(Deno.args);
  return line === null ? null : denoPart(line.args, Deno.args);
}
