/** What a source says of one setting, and where it says so. */

import { ConfigError } from "../errors.ts";
import type { BadValue } from "./bad_value.ts";
import type { Raw } from "./kinds.ts";

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
  const said = typeof raw === "string" ? `"${raw}"` : raw === null ? "" : JSON.stringify(raw);
  const short = said.length > 80 ? `${said.slice(0, 79)}…` : said;
  return new ConfigError(`${place}: ${called}: ${short === "" ? "it" : short} ${error.message}`);
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
