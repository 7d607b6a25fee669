/**
 * The file with the process id of a manager, or of a solo process, which is held locked for as long as
 * that lives.
 *
 * The lock answers what the number alone cannot: after kill -9 or a power cut the number is left
 * behind, and may belong to another program by now. A file that nobody has locked is stale, whatever
 * stands in it; one that is locked belongs to a server that runs.
 */

import { messageOf, SystemError } from "../../errors.ts";
import { type Patience, retryWhile } from "../retry.ts";

/** Longer than any process id: such a file belongs to somebody, and was named by mistake. */
const MAX_CONTENT_BYTES = 32;
/** Whoever replaces the file while it is being locked is another manager; more would be strange. */
const MAX_TRIES = 10;

/** A server runs with the file. */
class HeldError extends SystemError {}

export class Pidfile {
  readonly path: string;
  readonly #file: Deno.FsFile;
  #closed = false;

  private constructor(path: string, file: Deno.FsFile) {
    this.path = path;
    this.#file = file;
  }

  /** Writes this process's id. Throws SystemError where a server runs on it, or it cannot be written. */
  static create(path: string): Pidfile {
    try {
      for (let i = 0; i < MAX_TRIES; i++) {
        const file = tryCreate(path);
        if (file !== null) return new Pidfile(path, file);
      }
      throw running(path, readPid(path));
    } catch (error) {
      if (error instanceof SystemError) throw error;
      const reason = messageOf(error);
      throw new SystemError(`Cannot write the pid file ${path}: ${reason}`, { cause: error });
    }
  }

  /** The same, of a server that starts: it waits for one that is about to stop, a few seconds. */
  static createWhenFree(path: string, log: Patience["log"]): Promise<Pidfile> {
    const isHeld = (error: unknown) => error instanceof HeldError;
    const patience = { log, patient: true };
    return retryWhile(isHeld, `The pid file ${path}`, patience, () => Pidfile.create(path));
  }

  /** Whether the file is still the one that was written. */
  isInPlace(): boolean {
    return isFileAt(this.path, this.#file);
  }

  /** Removes the file, if it is still the one that was written. May be called twice; never throws. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    try {
      if (this.isInPlace()) Deno.removeSync(this.path);
    } catch {
      // Gone already; or whoever `user` has made of this process may not remove it.
      this.#empty();
    }
    this.#file.close();
  }

  /** The next process with this number is somebody else. */
  #empty(): void {
    try {
      this.#file.truncateSync();
    } catch {
      // A full or broken disk. The file is no longer locked, which shows as well that it is stale.
    }
  }
}

/** Null where another manager has come in between. */
function tryCreate(path: string): Deno.FsFile | null {
  using old = openExisting(path);
  if (old === null) {
    // A link that leads nowhere is replaced as a link to a stale file is.
    const put = isLink(path) ? Deno.renameSync : linkAway;
    return place(path, (fresh) => put(fresh, path));
  }
  if (!old.tryLockSync(true)) throw running(path, readPid(path));
  // Between open and lock another manager may have put its own file in its place.
  if (!isFileAt(path, old)) return null;
  refuseForeign(path, old);
  return place(path, (fresh) => Deno.renameSync(fresh, path));
}

function openExisting(path: string): Deno.FsFile | null {
  try {
    return Deno.openSync(path, { read: true, write: true });
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

/** Makes a file, written and locked, and has it put into its place in one step: nobody sees it empty. */
function place(path: string, put: (fresh: string) => void): Deno.FsFile | null {
  const fresh = `${path}.${Deno.pid}.new`;
  const file = Deno.openSync(fresh, { write: true, create: true, truncate: true, mode: 0o644 });
  try {
    file.lockSync(true);
    file.writeSync(new TextEncoder().encode(`${Deno.pid}\n`));
    put(fresh);
    return file;
  } catch (error) {
    file.close();
    Deno.removeSync(fresh);
    if (error instanceof Deno.errors.AlreadyExists) return null;
    throw error;
  }
}

/** A rename would replace a file that another manager has made meanwhile; a link fails. */
function linkAway(fresh: string, path: string): void {
  try {
    Deno.linkSync(fresh, path);
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) throw error;
    return Deno.renameSync(fresh, path); // a file system without links
  }
  Deno.removeSync(fresh);
}

function isFileAt(path: string, file: Deno.FsFile): boolean {
  try {
    const { dev, ino } = Deno.statSync(path);
    const own = file.statSync();
    return own.ino === ino && own.dev === dev;
  } catch {
    return false;
  }
}

function isLink(path: string): boolean {
  try {
    return Deno.lstatSync(path).isSymlink;
  } catch {
    return false;
  }
}

function refuseForeign(path: string, file: Deno.FsFile): void {
  const { size, isFile } = file.statSync();
  if (isFile && size <= MAX_CONTENT_BYTES) return;
  const what = isFile ? `it has ${size} bytes, so it is no pid file` : "it is no regular file";
  throw new SystemError(`Cannot write the pid file ${path}: ${what}; name another one`);
}

function running(path: string, pid: number | null): HeldError {
  const who = pid === null ? "A server" : `A server, pid ${pid},`;
  return new HeldError(`${who} runs already with the pid file ${path}; stop it, or name another`);
}

function readPid(path: string): number | null {
  try {
    const pid = Number(Deno.readTextFileSync(path));
    return Number.isInteger(pid) && pid > 0 ? pid : null;
  } catch {
    return null;
  }
}
