/** The file of a unix socket: who may use it, whether it is still the same one, and its end. */

import type { Bind } from "../../config/values/bind.ts";
import type { Config } from "../../config/config.ts";
import { messageOf, SystemError } from "../../errors.ts";
import { check, cString, libc } from "../libc.ts";
import { findIdentity } from "../process/user.ts";

const O_NOFOLLOW = 0o400000;
const O_CLOEXEC = 0o2000000;
const O_PATH = 0o10000000;

/** Who may connect. */
export interface SocketAccess {
  /** Permission bits; null for what the process's own umask leaves. */
  readonly mode: number | null;
  /** Owner and group; null for the process's own. */
  readonly uid: number | null;
  readonly gid: number | null;
}

/** As configured for unix sockets, else for the app's files and process, as in gunicorn. */
export function accessOf(config: Config): SocketAccess {
  const { user, group, umask, unix_mode, unix_user, unix_group } = config;
  const identity = findIdentity(unix_user ?? user, unix_group ?? group);
  return {
    mode: unix_mode ?? (umask === null ? null : 0o777 & ~umask),
    uid: identity?.uid ?? null,
    gid: identity?.gid ?? null,
  };
}

/** Whether an address leaves nothing in the file system: all but unix sockets that have a path. */
export function isNoFile(bind: Bind): boolean {
  return bind.transport !== "unix" || bind.path.startsWith("@");
}

export class SocketFile {
  readonly #path: string;
  /** To know it again: another server may have put its own file there since. */
  readonly #dev: number;
  readonly #ino: number | null;
  /** What was asked for last. */
  #access: SocketAccess;

  /** The file that is at `path` now, of which `access` has been asked already. */
  constructor(path: string, access: SocketAccess) {
    const { dev, ino } = Deno.lstatSync(path);
    this.#path = path;
    this.#dev = dev;
    this.#ino = ino;
    this.#access = access;
  }

  /** The file of a socket that was just bound with its mode; gives it to its owner. Throws SystemError. */
  static made(path: string, access: SocketAccess): SocketFile {
    const file = new SocketFile(path, access);
    try {
      file.#give(path, access.uid, access.gid);
    } catch (error) {
      file.remove();
      throw error;
    }
    return file;
  }

  /**
   * Changes who may use it, as far as something else is asked for than before: what an administrator
   * has changed by hand stays. Throws SystemError, and then all is as it was. Needs libc.
   */
  change(access: SocketAccess): void {
    const before = this.#access;
    const mode = access.mode === before.mode ? null : access.mode ?? 0o777 & ~Deno.umask();
    const uid = access.uid === before.uid ? null : access.uid ?? Deno.uid();
    const gid = access.gid === before.gid ? null : access.gid ?? Deno.gid();
    if (mode !== null || uid !== null || gid !== null) {
      this.#atFile((at) => {
        const { mode: old } = Deno.statSync(at);
        if (mode !== null) this.#chmod(at, mode);
        try {
          this.#give(at, uid, gid);
        } catch (error) {
          if (mode !== null && old !== null) this.#chmod(at, old & 0o777);
          throw error;
        }
      });
    }
    this.#access = access;
  }

  /** Whether it is still where clients look for it; false as well where nobody can look. */
  isInPlace(): boolean {
    try {
      return this.#is(Deno.lstatSync(this.#path));
    } catch {
      return false;
    }
  }

  /** Removes it if it is still there. Never throws: it is done on the way out. */
  remove(): void {
    try {
      if (this.isInPlace()) Deno.removeSync(this.#path);
    } catch {
      // Gone meanwhile, or not ours to remove.
    }
  }

  /** Removes it if nobody listens behind it any more. Never throws. */
  async removeDeserted(): Promise<void> {
    try {
      (await Deno.connect({ transport: "unix", path: this.#path })).close();
    } catch (error) {
      // Anything else says nothing, as in openUnixSocket.
      if (error instanceof Deno.errors.ConnectionRefused) this.remove();
    }
  }

  #is({ dev, ino }: Deno.FileInfo): boolean {
    return dev === this.#dev && ino === this.#ino;
  }

  /**
   * Calls `step` with a name of the file that goes on meaning this file. Its path may be made a link
   * at any time by whoever may write to the directory, and a manager that is root would give them
   * what it leads to.
   */
  #atFile(step: (at: string) => void): void {
    const what = `Cannot change who may use unix:${this.#path}`;
    const flags = O_PATH | O_NOFOLLOW | O_CLOEXEC;
    const fd = check(libc().open(cString(this.#path), flags, 0), "open", what);
    try {
      const at = `/proc/self/fd/${fd}`;
      if (!this.#is(Deno.statSync(at))) {
        throw new SystemError(`${what}: another file is in its place; start the server anew`);
      }
      step(at);
    } finally {
      libc().close(fd);
    }
  }

  #chmod(at: string, mode: number): void {
    try {
      Deno.chmodSync(at, mode);
    } catch (error) {
      const what = `Cannot give unix:${this.#path} the mode ${mode.toString(8).padStart(4, "0")}`;
      const who = "only its owner and root may do so (unix_mode)";
      throw new SystemError(`${what}: ${messageOf(error)}; ${who}`, { cause: error });
    }
  }

  #give(at: string, uid: number | null, gid: number | null): void {
    if (uid === null && gid === null) return;
    try {
      Deno.chownSync(at, uid, gid);
    } catch (error) {
      const whom = [uid === null ? "" : `user ${uid}`, gid === null ? "" : `group ${gid}`];
      throw new SystemError(
        `Cannot give unix:${this.#path} to ${whom.filter((it) => it !== "").join(" and ")}: ` +
          `${messageOf(error)}; only root may give it to others (unix_user, unix_group)`,
        { cause: error },
      );
    }
  }
}
