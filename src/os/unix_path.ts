/** The file of a unix socket: who may use it, what an old one means, and who removes it. */

import type { Bind } from "../config/bind.ts";
import type { Config } from "../config/config.ts";
import { messageOf, SystemError } from "../errors.ts";
import { bindFailure } from "./bind_failure.ts";
import { findIdentity } from "./user.ts";

interface UnixPathOptions {
  /** Permission bits; null for what umask leaves. */
  readonly mode: number | null;
  /** Owner and group; null to leave either. */
  readonly uid: number | null;
  readonly gid: number | null;
}

/** Owner and mode: as configured for unix sockets, else those that the app runs as, as in gunicorn. */
export function unixPathOptions(config: Config): UnixPathOptions {
  const { user, group, unix_mode, unix_user, unix_group } = config;
  const identity = findIdentity(unix_user ?? user, unix_group ?? group);
  return { mode: unix_mode, uid: identity?.uid ?? null, gid: identity?.gid ?? null };
}

/**
 * Binds the path with `bind`, with the mode from the first instant: umask() works before the file is
 * there, chmod() only afterwards. A file left over by a server that was killed is removed first; one
 * that a living server listens on, or that is no socket, is an error.
 */
export async function claimUnixPath<T>(
  path: string,
  { mode, uid, gid }: UnixPathOptions,
  bind: () => T,
): Promise<T> {
  await removeStaleSocket(path);
  // No await from here to the umask's return: it is the whole process's.
  const before = mode === null ? null : Deno.umask(0o777 & ~mode);
  let bound: T;
  try {
    bound = bind();
  } catch (error) {
    throw bindFailure({ transport: "unix", path }, error);
  } finally {
    if (before !== null) Deno.umask(before);
  }
  if (uid !== null || gid !== null) giveAway(path, uid, gid);
  return bound;
}

function giveAway(path: string, uid: number | null, gid: number | null): void {
  try {
    Deno.chownSync(path, uid, gid);
  } catch (error) {
    Deno.removeSync(path);
    const whom = [uid === null ? "" : `user ${uid}`, gid === null ? "" : `group ${gid}`];
    throw new SystemError(
      `Cannot give unix:${path} to ${whom.filter((it) => it !== "").join(" and ")}: ` +
        `${messageOf(error)}; only root may give it to others (unix_user, unix_group)`,
      { cause: error },
    );
  }
}

async function removeStaleSocket(path: string): Promise<void> {
  const what = `Cannot listen on unix:${path}`;
  let file: Deno.FileInfo;
  try {
    file = Deno.lstatSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return;
    throw bindFailure({ transport: "unix", path }, error);
  }
  if (!file.isSocket) {
    throw new SystemError(`${what}: a file that is no socket is in its place; remove or rename it`);
  }
  try {
    (await Deno.connect({ transport: "unix", path })).close();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return;
    // Only this says that nobody listens. Any other error (no permission) says nothing.
    if (!(error instanceof Deno.errors.ConnectionRefused)) {
      throw new SystemError(`${what}: ${messageOf(error)}`, { cause: error });
    }
    Deno.removeSync(path);
    return;
  }
  throw new SystemError(`${what}: another server listens on it; stop that, or take another path`);
}

/** Whether an address leaves nothing in the file system: all but unix sockets that have a path. */
export function isNoFile(bind: Bind): boolean {
  return bind.transport !== "unix" || bind.path.startsWith("@");
}

/** Which file a path is, to know it again: another server may have put its own there since. */
export interface FileIdentity {
  readonly path: string;
  readonly dev: number;
  readonly ino: number | null;
}

export function identifyFile(path: string): FileIdentity {
  const { dev, ino } = Deno.lstatSync(path);
  return { path, dev, ino };
}

/** Removes the file if it is still the same one. Never throws: it is done on the way out. */
export function removeIfSame({ path, dev, ino }: FileIdentity): void {
  try {
    const now = Deno.lstatSync(path);
    if (now.dev === dev && now.ino === ino) Deno.removeSync(path);
  } catch {
    // Gone, or not ours to remove.
  }
}
