/** Which of Debian's Python packages are there. */

import { systemPython } from "./pythons.ts";

/** Whether Debian's Python can import a package. */
export function hasPackage(name: string): boolean {
  const python = systemPython();
  if (python === null) return false;
  const { success } = new Deno.Command(python, {
    args: ["-c", `import ${name}`],
    stdout: "null",
    stderr: "null",
  }).outputSync();
  return success;
}
