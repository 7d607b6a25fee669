/** Watches files of the app, and says when they have changed and are quiet again. For development. */

import { dirname, isAbsolute, matchesGlob } from "node:path";
import { messageOf } from "../../errors.ts";
import type { Log } from "../../log/record.ts";

/** Nothing may have changed for so long: an editor, a formatter, `git checkout` write many files. */
const QUIET_MS = 100;
/** Somebody who never stops writing is not waited for any longer, milliseconds. */
const LONGEST_WAIT_MS = 2_000;
/** How often to look where a directory is that is gone, or has a link on its way, milliseconds. */
const LOOK_MS = 200;
const GLOB = /[*?[\]{}!()]/;

export interface SourceWatchOptions {
  readonly log: Log;
  /** These have changed. */
  readonly onChange: (files: readonly string[]) => void;
}

/** A directory as it was named; `recursive`: with all below it. */
interface Place {
  readonly directory: string;
  readonly recursive: boolean;
  /** Where that is now, without links; null where nothing is. */
  real: string | null;
}

interface Watched {
  readonly real: string;
  readonly watcher: Deno.FsWatcher;
  /** Resolves when it says nothing more. */
  readonly end: Promise<void>;
}

/**
 * Directories are watched under their real names alone: a link on the way to one can be exchanged
 * (`current -> releases/2`), of which the directory itself says nothing; and Deno, which has one watch
 * for both names of a directory, tells its events under the name that came last.
 */
export class SourceWatch {
  readonly #options: SourceWatchOptions;
  #files: ReadonlySet<string> = new Set();
  #globs: readonly string[] = [];
  readonly #places = new Map<string, Place>();
  /** By real directory; each stays to the end, or until its directory goes. */
  readonly #watched = new Map<string, Watched>();
  #looker: ReturnType<typeof setTimeout> | undefined;
  /** How many times directories have gone whose watches have not ended yet. */
  #ending = 0;
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
    clearTimeout(this.#looker);
    for (const { watcher } of this.#watched.values()) watcher.close();
  }

  #watch(directory: string, recursive: boolean): void {
    const key = `${recursive} ${directory}`;
    if (this.#closed || this.#places.has(key)) return;
    const place: Place = { directory, recursive, real: realDirectory(directory) };
    this.#places.set(key, place);
    this.#open(place);
    this.#lookAgain();
  }

  #open({ directory, real, recursive }: Place): void {
    const key = `${recursive} ${real}`;
    if (this.#watched.has(key)) return;
    try {
      // Where it is not there, this says so.
      const watcher = Deno.watchFs(real ?? directory, { recursive });
      const end = this.#read(watcher, real ?? directory);
      this.#watched.set(key, { real: real ?? directory, watcher, end });
    } catch (error) {
      const reason = messageOf(error);
      this.#options.log.warning(`Cannot watch ${directory} for changes: ${reason}`);
    }
  }

  async #read(watcher: Deno.FsWatcher, real: string): Promise<void> {
    for await (const { kind, paths } of watcher) {
      // Opening and closing a file are events too.
      if (kind === "access") continue;
      if (kind !== "modify" && paths.includes(real)) return this.#lost(real);
      for (const path of paths) this.#happened(path);
    }
  }

  /** A file may lie in several places: one directory can be named in several ways. */
  #happened(path: string): void {
    for (const { directory, real } of this.#places.values()) {
      if (real === null || !isWithin(path, real)) continue;
      const named = directory + path.slice(real.length);
      if (this.#concerns(named)) this.#note(named);
    }
  }

  /**
   * A directory has been removed or renamed. The watch holds on to what it was; `git checkout` and
   * builds make another one in its place. What is below it went with it, and says nothing itself.
   */
  #lost(directory: string): void {
    const ends = [];
    for (const [key, { real, watcher, end }] of this.#watched) {
      if (!isWithin(real, directory)) continue;
      watcher.close();
      this.#watched.delete(key);
      ends.push(end);
    }
    for (const place of this.#places.values()) {
      if (place.real !== null && isWithin(place.real, directory)) place.real = null;
    }
    // Closing is not done at once: until then it would end a new watch of the same path as well.
    this.#ending++;
    Promise.all(ends).then(() => {
      this.#ending--;
      this.#look();
    });
  }

  /** Whatever is in a directory that is there again, or another than before, may be new. */
  #look(): void {
    if (this.#closed || this.#ending > 0) return;
    for (const place of this.#places.values()) {
      if (!canMove(place)) continue;
      const real = realDirectory(place.directory);
      if (real === place.real) continue;
      place.real = real;
      if (real === null) continue;
      this.#open(place);
      this.#note(place.directory);
    }
    this.#lookAgain();
  }

  #lookAgain(): void {
    clearTimeout(this.#looker);
    if (![...this.#places.values()].some(canMove)) return;
    this.#looker = setTimeout(() => this.#look(), LOOK_MS);
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

/** Without anything that its watch says: it is not there, or there is a link on its way. */
function canMove({ directory, real }: Place): boolean {
  return real !== directory;
}

/** Its name without links; null where no directory is there. */
function realDirectory(directory: string): string | null {
  try {
    const real = Deno.realPathSync(directory);
    return Deno.statSync(real).isDirectory ? real : null;
  } catch {
    return null;
  }
}

/** Whether a path is the directory's or of what is below it. */
function isWithin(path: string, directory: string): boolean {
  return path === directory || path.startsWith(directory === "/" ? "/" : `${directory}/`);
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
