/** How this very process was started, to start it once more. */

export interface CommandLine {
  readonly program: string;
  readonly args: readonly string[];
}

/**
 * Reads it from the kernel, flags of Deno and all. Call it before the process takes another title,
 * which is written over it.
 *
 * @param argv The arguments of denicorn alone, for systems that do not tell the rest.
 */
export function ownCommandLine(argv: readonly string[]): CommandLine {
  const program = Deno.execPath();
  try {
    const [, ...args] = Deno.readTextFileSync("/proc/self/cmdline").replace(/\0$/, "").split("\0");
    return { program, args };
  } catch {
    const own = ["run", "-A", import.meta.resolve("../../mod.ts"), ...argv];
    return { program, args: Deno.build.standalone ? argv : own };
  }
}
