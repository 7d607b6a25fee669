/** Watches files of the app, and says when they have changed and are quiet again. For development. */

import { dirname, isAbsolute, matchesGlob } from "node:path";
import { messageOf } from "../errors.ts";
import type { Log } from "../log/record.ts";

/** Nothing may have changed for so long: an editor, a formatter, `git checkout` write many files. */
const QUIET_MS = 100;
/** Somebody who never stops writing is not waited for any longer, milliseconds. */
const LONGEST_WAIT_MS = 2_000;
/** How often to look whether a directory is there again, milliseconds. */
const RETURN_MS = 200;
const GLOB = /[*?[\]{}!()]/;

export interface SourceWatchOptions {
  readonly log: Log;
  /** These have changed. */
  readonly onChange: (files: readonly string[]) => void;
}

/** A directory; `recursive`: with all below it. */
interface Place {
  readonly directory: string;
  readonly recursive: boolean;
}

interface Watched extends Place {
  readonly watcher: Deno.FsWatcher;
  /** Resolves when it says nothing more. */
  readonly end: Promise<void>;
}

export class SourceWatch {
  readonly #options: SourceWatchOptions;
  #files: ReadonlySet<string> = new Set();
  #globs: readonly string[] = [];
  readonly #watched = new Map<string, Watched>();
  /** Were watched, and have been removed or renamed since. */
  readonly #missing = new Map<string, Place>();
  #seeker: ReturnType<typeof setTimeout> | undefined;
  readonly #changed = new Set<string>();
  #firstChange = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #closed = false;

  constructor(options: SourceWatchOptions) {
    this.#options = options;
  }

  /** Whatever these match counts as well from now on: absolute paths, with globs. */
  match(globs: readonly string[]): void {
    this.#globs = globs;
    for (const glob of globs) this.#watch(directoryOf(glob), isGlob(glob));
  }

  /**
   * Watches these files as well. Their directories are watched rather than they themselves: many
   * editors write a new file and put it in the place of the old one.
   */
  add(files: readonly string[]): void {
    const before = this.#files.size;
    this.#files = new Set([...this.#files, ...files]);
    for (const file of files) this.#watch(dirname(file), false);
    const { size } = this.#files;
    if (size > before) {
      this.#options.log.info(
        `Watching ${size} ${size === 1 ? "file" : "files"} of the app for changes`,
      );
    }
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    clearTimeout(this.#seeker);
    for (const { watcher } of this.#watched.values()) watcher.close();
  }

  #watch(directory: string, recursive: boolean): void {
    const key = `${recursive} ${directory}`;
    if (this.#closed || this.#watched.has(key) || this.#missing.has(key)) return;
    try {
      const watcher = Deno.watchFs(directory, { recursive });
      const end = this.#read(directory, watcher);
      this.#watched.set(key, { directory, recursive, watcher, end });
    } catch (error) {
      const reason = messageOf(error);
      this.#options.log.warning(`Cannot watch ${directory} for changes: ${reason}`);
    }
  }

  async #read(directory: string, watcher: Deno.FsWatcher): Promise<void> {
    for await (const { kind, paths } of watcher) {
      // Opening and closing a file are events too.
      if (kind === "access") continue;
      if (kind !== "modify" && paths.includes(directory)) return this.#lost(directory);
      for (const path of paths) if (this.#concerns(path)) this.#note(path);
    }
  }

  /**
   * A directory has been removed or renamed. The watch holds on to what it was; `git checkout` and
   * builds make another one in its place. What is below it went with it, and says nothing itself.
   */
  #lost(directory: string): void {
    const ends = [];
    for (const [key, watched] of this.#watched) {
      if (!`${watched.directory}/`.startsWith(`${directory}/`)) continue;
      watched.watcher.close();
      this.#watched.delete(key);
      this.#missing.set(key, watched);
      ends.push(watched.end);
    }
    // Before its end, what is closed would take a new watch of the same path with it.
    Promise.all(ends).then(() => this.#seek());
  }

  /** Whatever is in a directory that is there again may be new. */
  #seek(): void {
    clearTimeout(this.#seeker);
    if (this.#closed) return;
    for (const [key, { directory, recursive }] of this.#missing) {
      if (!isDirectory(directory)) continue;
      this.#missing.delete(key);
      this.#watch(directory, recursive);
      this.#note(directory);
    }
    if (this.#missing.size > 0) this.#seeker = setTimeout(() => this.#seek(), RETURN_MS);
  }

  #concerns(path: string): boolean {
    return this.#files.has(path) || this.#globs.some((glob) => matchesGlob(path, glob));
  }

  #note(path: string): void {
    const now = performance.now();
    if (this.#changed.size === 0) this.#firstChange = now;
    this.#changed.add(path);
    clearTimeout(this.#timer);
    const wait = Math.min(QUIET_MS, this.#firstChange + LONGEST_WAIT_MS - now);
    this.#timer = setTimeout(() => this.#tell(), Math.max(0, wait));
  }

  #tell(): void {
    const files = [...this.#changed].sort();
    this.#changed.clear();
    this.#options.onChange(files);
  }
}

function isDirectory(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch {
    return false;
  }
}

function isGlob(path: string): boolean {
  return GLOB.test(path);
}

/** The directory that a path lies in, or all that a glob may match lie below. */
function directoryOf(glob: string): string {
  if (!isGlob(glob)) return dirname(glob);
  const plain = glob.slice(0, glob.search(GLOB));
  const directory = plain.slice(0, plain.lastIndexOf("/"));
  return isAbsolute(plain) && directory !== "" ? directory : "/";
}
