/** What the error log is made of. Plain data: a record crosses from thread to proc to manager. */

/** Python's and gunicorn's levels, lowest first. */
export const LEVELS = ["debug", "info", "warning", "error", "critical"] as const;

export type Level = (typeof LEVELS)[number];

export interface LogRecord {
  /** Milliseconds since the epoch. */
  readonly time: number;
  readonly level: Level;
  /** One line, or several (a stack trace); the sink indents or escapes what follows the first. */
  readonly message: string;
  /** The process that speaks. */
  readonly pid: number;
  /** Who speaks in it: "manager", "proc 1", "proc 1 thread 2". */
  readonly role: string;
}

/** The error log, as every room uses it. Never throws: a log that cannot be written harms nobody. */
export interface Log {
  readonly level: Level;
  debug(message: string): void;
  info(message: string): void;
  warning(message: string): void;
  error(message: string): void;
  critical(message: string): void;
}

/**
 * What a record may be long, characters. Clients have a say in it (`new URL(text)` throws its whole
 * input), and what is written in six characters for one must still go over a control channel.
 */
const MAX_MESSAGE_CHARACTERS = 64 * 1024;
/** Of what is cut, so much of the end is kept: there a trace says where. */
const KEPT_END_CHARACTERS = 16 * 1024;
/** For the line that says how much is missing. */
const GAP_CHARACTERS = 64;

/** The text as it may be logged: of a longer one its beginning and its end. */
export function clipped(text: string): string {
  if (text.length <= MAX_MESSAGE_CHARACTERS) return text;
  const kept = MAX_MESSAGE_CHARACTERS - GAP_CHARACTERS - KEPT_END_CHARACTERS;
  const missing = text.length - kept - KEPT_END_CHARACTERS;
  return `${text.slice(0, kept)}\n… ${missing} characters more …\n${
    text.slice(-KEPT_END_CHARACTERS)
  }`;
}

/** Makes a {@linkcode Log} that hands every record of `level` or above to `write`. */
export function createLog(
  level: Level,
  role: string,
  write: (record: LogRecord) => void,
): Log {
  const lowest = LEVELS.indexOf(level);
  const pid = Deno.pid;
  const at = (own: Level) =>
    LEVELS.indexOf(own) < lowest
      ? () => {}
      : (message: string) =>
        write({ time: Date.now(), level: own, message: clipped(message), pid, role });
  return {
    level,
    debug: at("debug"),
    info: at("info"),
    warning: at("warning"),
    error: at("error"),
    critical: at("critical"),
  };
}
