/**
 * What the error log is written with: level, form and file, all of which HUP may change. It names no
 * package: a process that runs under the app's deno.json writes its log with it too (`workers: 0`).
 */

import { messageOf, SystemError } from "../errors.ts";
import { withUmask } from "../os/process/umask.ts";
import { Destination } from "./destination.ts";
import { type Format, formatJson, formatPretty, formatText } from "./format.ts";
import { createLog, type Level, LEVELS, type Log, type LogRecord } from "./record.ts";

/** What of the configuration the log heeds. */
export interface LogConfig {
  readonly log_level: Level;
  readonly error_log: string;
  readonly log_format: "auto" | "text" | "json";
  readonly umask: number | null;
}

/** The manager's own log, and the one that procs' records end in. */
export interface ErrorLog extends Log {
  /** Takes a record as it is, from a proc or thread; below the level it is dropped. */
  write(record: LogRecord): void;
  /** Opens the file anew (USR1). Where that cannot be, the old one is better than none. */
  reopen(): void;
  /** Takes on a new configuration (HUP). @throws {SystemError} when its file cannot be opened. */
  reconfigure(config: LogConfig): void;
  /** Writes what waits for a reader, for a bounded time, and closes the file. */
  close(): void;
}

/** What a record passes before it is printed. */
export type Relay = (record: LogRecord, print: (record: LogRecord) => void) => void;

/** @throws {SystemError} when the log's file cannot be opened. */
export function openLogWriter(
  config: LogConfig,
  role: string,
  relay: Relay | null = null,
): ErrorLog {
  let { error_log: path, umask } = config;
  let format = chooseFormat(config);
  let lowest = LEVELS.indexOf(config.log_level);
  const tellLost = (lost: number) => {
    let line = "";
    const log = createLog("warning", role, (record) => line = format(record));
    log.warning(`${lost} records before this line could not be written and are lost`);
    return line;
  };
  const destination = openDestination(config, (path) => new Destination(path, tellLost));
  const close = () => {
    globalThis.removeEventListener("unload", close);
    destination.close();
  };
  // Whoever calls Deno.exit(), what was said before still comes out.
  globalThis.addEventListener("unload", close);

  const print = (record: LogRecord) => destination.write(format(record));
  const write = (record: LogRecord) => {
    if (LEVELS.indexOf(record.level) < lowest) return;
    if (relay === null) print(record);
    else relay(record, print);
  };

  // Made for the lowest level: `write` knows the one in force, which HUP may change.
  const own = createLog("debug", role, write);
  return {
    ...own,
    get level() {
      return LEVELS[lowest] ?? "info";
    },
    write,
    reopen() {
      try {
        withUmask(umask, () => destination.moveTo(path));
      } catch (error) {
        own.error(`Cannot reopen error_log, the old file is kept: ${error}`);
      }
    },
    reconfigure(next) {
      openDestination(next, (path) => destination.moveTo(path));
      ({ error_log: path, umask } = next);
      format = chooseFormat(next);
      lowest = LEVELS.indexOf(next.log_level);
    },
    close,
  };
}

function openDestination<T>({ error_log, umask }: LogConfig, open: (path: string) => T): T {
  try {
    return withUmask(umask, () => open(error_log));
  } catch (error) {
    const why = messageOf(error);
    throw new SystemError(`Cannot open error_log ${error_log}: ${why}`, { cause: error });
  }
}

function chooseFormat({ log_format, error_log }: LogConfig): Format {
  if (log_format === "json") return formatJson;
  const terminal = error_log === "-" && Deno.stderr.isTerminal();
  return log_format === "auto" && terminal && !Deno.noColor ? formatPretty : formatText;
}
