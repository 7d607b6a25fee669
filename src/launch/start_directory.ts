/** The directory that this process was started in, as whoever started it calls it. */

import { isAbsolute } from "node:path";
import { SystemError } from "../errors.ts";

/**
 * `$PWD` where it names the current directory, as shells and gunicorn have it: of a release that is
 * reached by a symlink (`cd /srv/app/current`) the kernel tells the place alone, and a reload, or a new
 * manager (USR2), would find the old release for ever. Throws SystemError where the directory is gone.
 */
export function startDirectory(): string {
  const called = Deno.env.get("PWD") ?? "";
  if (isPlain(called) && isHere(called)) return called;
  try {
    return Deno.cwd();
  } catch (error) {
    throw new SystemError("Cannot start: the current directory does not exist any more", {
      cause: error,
    });
  }
}

/**
 * Where the directory really is now, without symlinks. Configurations are made with that: procs that
 * replace one another then serve the same release, whatever the symlink says meanwhile. And Deno looks
 * for a workspace's members from there, since the kernel tells it no other name.
 */
export function placeOf(directory: string): string {
  try {
    return Deno.realPathSync(directory);
  } catch {
    return directory; // what is missing there will be said by name
  }
}

/** As POSIX wants it: `..` behind a symlink is another place for the kernel than for who joins paths. */
function isPlain(path: string): boolean {
  return isAbsolute(path) && !path.split("/").some((part) => part === "." || part === "..");
}

function isHere(path: string): boolean {
  // Not permitted, it would be asked for at a terminal.
  if (Deno.permissions.querySync({ name: "read", path }).state !== "granted") return false;
  try {
    const [there, here] = [Deno.statSync(path), Deno.statSync(".")];
    return there.ino !== null && there.ino === here.ino && there.dev === here.dev;
  } catch {
    return false;
  }
}
