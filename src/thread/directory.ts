/** The current directory as an app changes it that may run in several threads of one process. */

import { resolve } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";

/**
 * Lets `process.chdir()` work, which Deno's workers do not have (Next.js calls it as it starts). The
 * directory is the process's, so that threads that load the same app set it one after another: each
 * counts a relative path from where it would be alone.
 */
export function allowChdir(start: string): void {
  const change = Deno.chdir;
  let current = start;
  Deno.chdir = (directory) => {
    const path = resolve(current, directory instanceof URL ? fileURLToPath(directory) : directory);
    change(path);
    current = path;
  };
  process.chdir = Deno.chdir;
}
