/**
 * The access log of one proc. Each proc writes the file itself: in batches of whole lines, at the
 * file's end (O_APPEND), so that the lines of several procs do not mix.
 *
 * In the proc:
 *
 * ```ts
 * const accessLog = openAccessLog(config, log);   // null without `access_log`
 * accessLog?.record(exchange);                    // once for each exchange, when its last byte is out
 * accessLog?.reopen();                            // USR1
 * await accessLog?.close();                       // last thing before the process ends
 * ```
 */

import { messageOf, SystemError } from "../errors.ts";
import { type AccessEntry, type AccessFormat, compileAccessFormat } from "./access_format.ts";
import { openLogFile } from "./log_file.ts";
import type { Log } from "./record.ts";

/** A line waits this long at most before it is written. */
const FLUSH_INTERVAL_MS = 100;
/** So much is written at once without waiting for the timer. */
const BATCH_CHARS = 64 * 1024;
/** What may wait for a slow disk; further lines are dropped and counted. Characters are bytes here. */
const MAX_WAITING_CHARS = 4 * 1024 * 1024;
/** Longest write to a pipe that other writers' lines cannot get into (PIPE_BUF, pipe(7)). */
const PIPE_WRITE_BYTES = 4_096;
/** How long a pipe that is full is left alone. */
const FULL_PIPE_PAUSE_MS = 50;
/** How long close() waits for a disk that hangs. */
const CLOSE_TIMEOUT_MS = 2_000;

interface Output {
  write(bytes: Uint8Array): Promise<number>;
}

/** What of the configuration it heeds. */
export interface AccessLogConfig {
  readonly access_log: string | null;
  readonly access_log_format: string;
}

/**
 * Opens the access log, or gives null where none is wanted.
 *
 * @throws {SystemError} when its file cannot be opened.
 */
export function openAccessLog(config: AccessLogConfig, log: Log): AccessLog | null {
  if (config.access_log === null) return null;
  try {
    return new AccessLog(config.access_log, compileAccessFormat(config.access_log_format), log);
  } catch (error) {
    const why = messageOf(error);
    throw new SystemError(`Cannot open access_log ${config.access_log}: ${why}`, { cause: error });
  }
}

export class AccessLog {
  readonly #path: string;
  readonly #format: AccessFormat;
  readonly #log: Log;
  readonly #encoder = new TextEncoder();
  /** Longest single write. */
  readonly #writeBytes: number;
  #file: Deno.FsFile | null = null;
  #waiting = "";
  #timer: ReturnType<typeof setTimeout> | null = null;
  #writing: Promise<void> | null = null;
  #closing: Promise<void> | null = null;
  /** Files that were replaced while a write was under way on them. */
  #retired: Deno.FsFile[] = [];
  /** Part of a line went out, so a line feed must come before the next one. */
  #torn = false;
  #lost = 0;

  /** @throws what openLogFile throws. `path` may be "-", standard output. */
  constructor(path: string, format: AccessFormat, log: Log) {
    this.#path = path;
    this.#format = format;
    this.#log = log;
    if (path !== "-") this.#file = openLogFile(path);
    this.#writeBytes = isRegularFile(path) ? Infinity : PIPE_WRITE_BYTES;
  }

  /** Lines lost since the last that were written. */
  get lost(): number {
    return this.#lost;
  }

  /** Logs one exchange. Never throws, never waits. */
  record(entry: AccessEntry): void {
    if (this.#closing !== null) return;
    let line: string;
    try {
      line = this.#format(entry);
    } catch (error) {
      return this.#lose(1, `cannot format a line: ${error}`);
    }
    if (this.#waiting.length + line.length > MAX_WAITING_CHARS) {
      return this.#lose(1, "its disk or reader is too slow");
    }
    // V8 keeps this as a rope and joins it once, when it is encoded.
    this.#waiting += line;
    if (this.#waiting.length >= BATCH_CHARS) this.#flush();
    else this.#timer ??= setTimeout(() => this.#flush(), FLUSH_INTERVAL_MS);
  }

  /** Opens the file anew by its name, after logrotate moved the old one. No line is lost. */
  reopen(): void {
    if (this.#path === "-" || this.#closing !== null) return;
    try {
      const fresh = openLogFile(this.#path);
      if (this.#file !== null) this.#retired.push(this.#file);
      this.#file = fresh;
      if (this.#writing === null) this.#closeRetired();
    } catch (error) {
      this.#log.error(`Cannot reopen access_log ${this.#path}, the old file is kept: ${error}`);
    }
  }

  /** Writes what waits and closes the file. What comes later is dropped. */
  close(): Promise<void> {
    return this.#closing ??= this.#close();
  }

  async #close(): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const deadline = new Promise<void>((resolve) => timer = setTimeout(resolve, CLOSE_TIMEOUT_MS));
    await Promise.race([deadline, this.#writeAll()]);
    clearTimeout(timer);
    this.#stopTimer();
    this.#waiting = "";
    if (this.#file !== null) this.#retired.push(this.#file);
    this.#file = null;
    this.#closeRetired();
  }

  async #writeAll(): Promise<void> {
    while (this.#writing !== null || this.#waiting !== "") {
      this.#flush();
      await this.#writing;
    }
  }

  /** Begins to write, unless a write is under way, after which the rest follows. */
  #flush(): void {
    this.#stopTimer();
    if (this.#writing !== null || this.#waiting === "") return;
    this.#writing = this.#writeWaiting().finally(() => {
      this.#writing = null;
      this.#closeRetired();
      if (this.#waiting.length >= BATCH_CHARS) this.#flush();
      else if (this.#waiting !== "") {
        this.#timer ??= setTimeout(() => this.#flush(), FLUSH_INTERVAL_MS);
      }
    });
  }

  async #writeWaiting(): Promise<void> {
    const text = this.#waiting;
    this.#waiting = "";
    const bytes = this.#encoder.encode(this.#torn ? `\n${text}` : text);
    // Standard output only where it is meant: after close() there is no file any more.
    const output: Output | null = this.#path === "-" ? Deno.stdout : this.#file;
    if (output === null) return;
    let written = 0;
    try {
      while (written < bytes.length) {
        const end = endOfLines(bytes, written, this.#writeBytes);
        written += await this.#writeOnce(output, bytes.subarray(written, end));
      }
      this.#torn = false;
      if (this.#lost > 0) {
        this.#log.warning(`access_log ${this.#path}: ${this.#lost} lines were lost`);
      }
      this.#lost = 0;
    } catch (error) {
      this.#torn = written > 0 ? bytes[written - 1] !== LINE_FEED : this.#torn;
      this.#lose(countLines(bytes.subarray(written)), String(error));
    }
  }

  async #writeOnce(output: Output, bytes: Uint8Array): Promise<number> {
    try {
      // On Deno's blocking threads: a slow disk does not hold up the server.
      return await output.write(bytes);
    } catch (error) {
      // A pipe that somebody made non-blocking and that is full.
      if (!(error instanceof Deno.errors.WouldBlock)) throw error;
      await new Promise((resolve) => setTimeout(resolve, FULL_PIPE_PAUSE_MS));
      return 0;
    }
  }

  /** Says so once when it begins; how many it were is said when it is over. */
  #lose(lines: number, why: string): void {
    if (this.#lost === 0) this.#log.error(`access_log ${this.#path}: lines are being lost: ${why}`);
    this.#lost += lines;
  }

  #stopTimer(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  #closeRetired(): void {
    for (const file of this.#retired.splice(0)) {
      try {
        file.close();
      } catch {
        // A close that fails has closed all the same (close(2)).
      }
    }
  }
}

const LINE_FEED = 10;

/** Where a write of at most `limit` bytes may end: behind a line feed, if there is one. */
function endOfLines(bytes: Uint8Array, from: number, limit: number): number {
  if (bytes.length - from <= limit) return bytes.length;
  const end = bytes.lastIndexOf(LINE_FEED, from + limit - 1) + 1;
  return end > from ? end : from + limit;
}

function countLines(bytes: Uint8Array): number {
  let lines = 0;
  for (const byte of bytes) if (byte === LINE_FEED) lines++;
  return Math.max(1, lines);
}

function isRegularFile(path: string): boolean {
  try {
    return Deno.statSync(path === "-" ? "/proc/self/fd/1" : path).isFile;
  } catch {
    return false;
  }
}
