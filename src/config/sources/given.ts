/** What a source says of one setting, and where it says so. */

import { ConfigError } from "../../errors.ts";
import { BadValue } from "../values/bad_value.ts";
import type { Raw } from "../values/kinds.ts";
import type { Name } from "../registry.ts";

/** A whole script as a value must not fill the terminal. */
const MAX_SHOWN = 80;

export interface Given {
  /** The setting's one name. */
  readonly name: string;
  readonly raw: Raw;
  /** "environment", "command line", or file and line. */
  readonly place: string;
  /** What the setting is called there: "workers", "DENICORN_WORKERS", "--workers". */
  readonly called: string;
}

/** One line that names the place, the key, the value and what is wrong with it. */
export function badValue({ place, called, raw }: Given, error: BadValue): ConfigError {
  const said = error.part ?? raw;
  const shown = typeof said === "string" ? `"${said}"` : said === null ? "it" : "its value";
  const short = shown.length > MAX_SHOWN ? `${shown.slice(0, MAX_SHOWN)}…"` : shown;
  return new ConfigError(`${place}: ${called}: ${short} ${error.message}`);
}

/** What a text means to the setting that somebody calls so. @throws {ConfigError} */
export function meant(
  { name, read }: Pick<Name, "name" | "read">,
  raw: string,
  place: string,
  called: string,
): string {
  try {
    return read(raw);
  } catch (error) {
    throw error instanceof BadValue ? badValue({ name, raw, place, called }, error) : error;
  }
}

/** Says what may have been meant by an unknown name. */
export function unknown(
  place: string,
  what: string,
  said: string,
  near: string | null,
): ConfigError {
  const hint = near === null ? "see --help for what there is" : `did you mean ${near}?`;
  return new ConfigError(`${place}: there is no ${what} ${said}; ${hint}`);
}
