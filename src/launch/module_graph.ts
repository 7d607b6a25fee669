/** Which files a module is made of, as Deno finds them: `deno info`. */

import { fileURLToPath } from "node:url";
import { SystemError } from "../errors.ts";

/** As far as it is of interest here; `deno info --json`, version 1. */
interface Graph {
  readonly modules: readonly { readonly specifier: string }[];
}

export interface GraphOptions {
  /** Its deno.json holds, or that of the nearest directory above it. */
  readonly cwd: string;
  /** Of Deno. */
  readonly flags: readonly string[];
}

/**
 * The files of a module's graph: itself and whatever it imports, but for what it imports by an
 * expression. Also of one that does not load: a file that has a syntax error, or is not there, is one
 * of them. Throws SystemError with Deno's own words where it cannot tell: its deno.json is broken, say.
 */
export async function filesOf(module: string, { cwd, flags }: GraphOptions): Promise<string[]> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", ...flags, module],
    cwd,
    env: { NO_COLOR: "1" },
    stdin: "null",
  }).output();
  const text = new TextDecoder();
  if (!success) throw new SystemError(text.decode(stderr).trim());
  const { modules } = JSON.parse(text.decode(stdout)) as Graph;
  return modules.map(({ specifier }) => specifier)
    .filter((specifier) => specifier.startsWith("file:"))
    .map((specifier) => fileURLToPath(specifier));
}
