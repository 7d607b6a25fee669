/**
 * Fewer permissions for the threads than for the server: the setting app_permissions.
 *
 * Deno lets a program load its own modules whatever it may read. A thread loads its app by import(),
 * and for that Deno asks for each file; so the files of the app's module graph are added to what it
 * may read, and nothing else.
 */

import { isAbsolute, resolve } from "node:path";
import { appDirectory, appFile } from "../config/app.ts";
import type { Config } from "../config/config.ts";
import { BootError, messageOf } from "../errors.ts";
import { filesOf } from "../launch/module_graph.ts";

type Permission = boolean | "inherit" | readonly string[];

/** Permissions whose lists hold paths. */
const PATHS = ["read", "write", "ffi", "run"] as const;

/** The same configuration with permissions that Deno can give to the threads as they are. */
export async function withThreadPermissions(config: Config): Promise<Config> {
  if (config.app_permissions === null) return config;
  const permissions: Record<string, Permission> = {
    // Modules from elsewhere are Deno's to check against its own list of hosts.
    import: "inherit",
    ...config.app_permissions as Record<string, Permission>,
  };
  // Deno would resolve paths against the module that starts the thread, which is one of ours.
  for (const name of PATHS) {
    const given = permissions[name];
    if (Array.isArray(given)) permissions[name] = given.map((path) => absolute(name, path));
  }
  const { read = false } = permissions;
  if (read !== true && read !== "inherit") {
    const own = await importedFiles(config.app);
    permissions.read = [...(read === false ? [] : read), ...own];
  }
  return { ...config, app_permissions: permissions };
}

function absolute(name: (typeof PATHS)[number], path: string): string {
  // A program to run, without a slash, is looked for in PATH.
  if (name === "run" && !path.includes("/") || isAbsolute(path)) return path;
  return resolve(path);
}

/** The local files of the app's module graph, without those that it imports dynamically. */
async function importedFiles(app: string): Promise<string[]> {
  const file = appFile(app);
  const directory = appDirectory(app);
  if (file === null || directory === null) return [];
  // A compiled binary has no `deno info`; its app, which it has not in it, is read where it lies.
  if (Deno.build.standalone) return [directory];
  try {
    return await filesOf(file, { cwd: directory, flags: ["--no-lock"] });
  } catch (error) {
    const why = messageOf(error);
    throw new BootError(`Cannot tell which files ${file} imports (app_permissions): ${why}`);
  }
}
