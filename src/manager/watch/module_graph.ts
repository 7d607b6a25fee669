/** Which files a TypeScript app is made of, as Deno finds them. */

import { appFile } from "../../config/app.ts";
import type { Config } from "../../config/config.ts";
import { lockFlags, projectDirectory } from "../../launch/deno_arguments.ts";

/** As far as it is of interest here; `deno info --json`, version 1. */
interface Graph {
  readonly modules: readonly { readonly specifier: string; readonly local?: string }[];
}

/**
 * The files of the app's own: its module and whatever that imports, but for what was installed
 * (npm, a remote module). Also of an app that does not load: a file with a syntax error is one of
 * them, and has to be watched above all. Empty where the app is no file.
 */
export async function moduleFiles(config: Config): Promise<string[]> {
  const app = appFile(config.app);
  if (config.interface !== "fetch" || app === null || Deno.build.standalone) return [];
  const cwd = projectDirectory(config);
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", ...lockFlags(cwd), app],
    cwd,
    env: { NO_COLOR: "1" },
    stdin: "null",
    stderr: "null",
  }).output();
  try {
    const { modules } = JSON.parse(new TextDecoder().decode(stdout)) as Graph;
    const own = modules.filter(({ specifier }) => specifier.startsWith("file:"));
    const files = own.map(({ specifier, local }) => local ?? new URL(specifier).pathname);
    return [app, ...files.filter((file) => !file.includes("/node_modules/"))];
  } catch {
    return [app]; // Deno could not say, and the app is what matters most
  }
}
