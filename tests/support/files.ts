/** What tests look for in the file system. */

/** Whether anything is at the path, be it a link that leads nowhere. */
export function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch {
    return false;
  }
}

/** The number in a pid file; null where there is none. */
export function readPid(path: string): number | null {
  return exists(path) ? Number(Deno.readTextFileSync(path)) || null : null;
}
