/** Which of Deno's own flags, given to the manager, are meant for the procs as well. */

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
  "--strace-ops",
] as const;

/** The part of them whose value may stand in the next argument. */
const WITH_VALUE: ReadonlySet<string> = new Set([
  "--cert",
  "--location",
  "--conditions",
  "--preload",
]);

/**
 * Picks them out of a command line.
 *
 * @param args What followed `deno`: `run`, flags, the module, and denicorn's own arguments.
 */
export function inheritedFlags(args: readonly string[]): string[] {
  const flags: string[] = [];
  for (let i = args[0] === "run" ? 1 : 0; i < args.length; i++) {
    const flag = args[i] ?? "";
    if (!flag.startsWith("-")) break; // the module: what follows is ours
    const [name = ""] = flag.split("=");
    const isInherited = INHERITED.some((known) =>
      name === known || known === "--unstable" && name.startsWith("--unstable-")
    );
    if (!isInherited) continue;
    flags.push(flag);
    const value = args[i + 1];
    if (WITH_VALUE.has(flag) && value !== undefined) {
      flags.push(value);
      i++;
    }
  }
  return flags;
}
