/**
 * The kinds of value that settings have. Whatever the source (YAML, environment, command line), a
 * kind is given text, a list of it or a map of it, so that `timeout: 30s` means the same everywhere.
 */

import { BadValue } from "./bad_value.ts";
import { nearest } from "../nearest.ts";

/** A value as it was written. */
export type Raw = string | null | readonly Raw[] | { readonly [key: string]: Raw };

/** How a setting's value is read, checked and shown. */
export interface Kind<T> {
  /** What `--help` writes after the flag; empty for a switch. */
  readonly placeholder: string;
  /** What docs/settings.md says of the values. */
  readonly values: string;
  /** True when the flag may be repeated, each time adding to a list. */
  readonly repeatable: boolean;
  /** Throws {@linkcode BadValue}. */
  parse(raw: Raw): T;
  /** The value as `parse` would read it again: text, or several of it. */
  show(value: T): string | readonly string[];
  /** Makes paths in the value absolute. */
  resolve?(value: T, absolute: (path: string) => string): T;
}

/** The text of a scalar. */
export function textOf(raw: Raw): string {
  if (raw === null) throw new BadValue("has no value");
  if (typeof raw !== "string") {
    throw new BadValue(`is a ${Array.isArray(raw) ? "list" : "map"}, where one value is expected`);
  }
  return raw.trim();
}

function scalar<T>(
  placeholder: string,
  values: string,
  parse: (text: string) => T,
  show: (value: T) => string = String,
): Kind<T> {
  return { placeholder, values, repeatable: false, parse: (raw) => parse(textOf(raw)), show };
}

interface Range {
  readonly min: number;
  readonly max: number;
}

function inRange(value: number, { min, max }: Range, unit = ""): number {
  if (value < min) throw new BadValue(`is too small: the least is ${min}${unit}`);
  if (value > max) throw new BadValue(`is too large: the most is ${max}${unit}`);
  return value;
}

/** A whole number. */
export function integer(range: Range): Kind<number> {
  const values = `whole number from ${range.min} to ${range.max}`;
  return scalar("N", values, (text) => {
    if (!/^[+-]?\d{1,15}$/.test(text)) throw new BadValue(`is not a ${values}`);
    return inRange(Number(text), range);
  });
}

/** A share, from 0 to 1; `80%` is 0.8. */
export function share(): Kind<number> {
  return scalar("X", "number from 0 to 1, or a percentage", (text) => {
    const match = /^(\d+(?:\.\d+)?)(%?)$/.exec(text);
    if (match === null) throw new BadValue("is not a number from 0 to 1, nor a percentage");
    return inRange(match[2] === "%" ? Number(match[1]) / 100 : Number(match[1]), {
      min: 0,
      max: 1,
    });
  });
}

const SECONDS_IN = { ms: 0.001, s: 1, m: 60, min: 60, h: 3_600, d: 86_400 } as const;

/** A time in seconds; also `500ms`, `30s`, `2m`, `1h`, `1d`. */
export function seconds(range: Range): Kind<number> {
  return scalar(
    "TIME",
    `seconds from ${range.min} to ${range.max}, or 500ms, 30s, 2m, 1h, 1d`,
    (text) => {
      const match = /^(\d+(?:\.\d+)?|\.\d+)\s*([a-z]*)$/i.exec(text);
      const unit = (match?.[2] ?? "").toLowerCase() || "s";
      if (match === null || !Object.hasOwn(SECONDS_IN, unit)) {
        throw new BadValue("is not a time: write it in seconds, or as 500ms, 30s, 2m, 1h or 1d");
      }
      const value = Number(match[1]) * SECONDS_IN[unit as keyof typeof SECONDS_IN];
      return inRange(Number(value.toFixed(6)), range, " seconds");
    },
  );
}

const BYTES_IN = {
  b: 1,
  k: 1024,
  kb: 1e3,
  kib: 1024,
  m: 1024 ** 2,
  mb: 1e6,
  mib: 1024 ** 2,
  g: 1024 ** 3,
  gb: 1e9,
  gib: 1024 ** 3,
} as const;

/** A size in bytes; also `10MB` (10,000,000), `1GiB` and, as nginx has it, `8k` (8,192). */
export function bytes(range: Range): Kind<number> {
  return scalar("SIZE", `bytes from ${range.min} to ${range.max}, or 64KiB, 10MB, 1GiB`, (text) => {
    const match = /^(\d+(?:\.\d+)?)\s*([a-z]*)$/i.exec(text);
    const unit = (match?.[2] ?? "").toLowerCase() || "b";
    if (match === null || !Object.hasOwn(BYTES_IN, unit)) {
      throw new BadValue("is not a size: write it in bytes, or as 64KiB, 10MB or 1GiB");
    }
    return inRange(
      Math.round(Number(match[1]) * BYTES_IN[unit as keyof typeof BYTES_IN]),
      range,
      " bytes",
    );
  });
}

/** Text without line breaks. */
export function text(placeholder = "TEXT"): Kind<string> {
  return scalar(placeholder, "text", (value) => {
    if (value === "") throw new BadValue("is empty");
    // deno-lint-ignore no-control-regex -- that is what is looked for
    if (/[\0-\x08\x0a-\x1f\x7f]/.test(value)) throw new BadValue("has a control character in it");
    return value;
  });
}

/** A path; a relative one is taken from `chdir`. The words in `apart` stand for themselves. */
export function path(placeholder = "FILE", apart: readonly string[] = []): Kind<string> {
  return {
    ...text(placeholder),
    values: apart.length === 0
      ? "path"
      : `path, or ${apart.map((word) => `\`${word}\``).join(", ")}`,
    resolve: (value, absolute) => apart.includes(value) ? value : absolute(value),
  };
}

/** On or off. */
export function toggle(): Kind<boolean> {
  return scalar("", "`true` or `false`", (value) => {
    switch (value.toLowerCase()) {
      case "true":
      case "yes":
      case "on":
      case "1":
        return true;
      case "false":
      case "no":
      case "off":
      case "0":
        return false;
    }
    throw new BadValue("is neither true nor false");
  });
}

/** One of a few words, whatever their case. `synonyms` leads other words to them. */
export function choice<const T extends string>(
  words: readonly T[],
  synonyms: Readonly<Record<string, T>> = {},
): Kind<T> {
  return scalar(words.join("|"), words.map((word) => `\`${word}\``).join(", "), (value) => {
    const said = value.toLowerCase();
    const word = words.find((one) => one === said) ??
      (Object.hasOwn(synonyms, said) ? synonyms[said] : undefined);
    if (word !== undefined) return word;
    const near = nearest(said, words);
    throw new BadValue(
      `is none of ${words.join(", ")}${near === null ? "" : `; did you mean ${near}?`}`,
    );
  });
}

/** Permission bits, octal as everywhere else: `022`, `0o22` and `22` are the same. */
export function octal(placeholder = "MODE"): Kind<number> {
  return scalar(placeholder, "octal number from 0 to 0777", (value) => {
    const digits = /^(?:0o)?([0-7]{1,4})$/i.exec(value)?.[1];
    if (digits === undefined) throw new BadValue("is not an octal number such as 022");
    return inRange(Number.parseInt(digits, 8), { min: 0, max: 0o777 });
  }, (value) => value.toString(8).padStart(4, "0"));
}

/** Adds "nothing": an empty text, or YAML's null. */
export function optional<T>(kind: Kind<T>): Kind<T | null> {
  const { resolve } = kind;
  return {
    ...kind,
    parse: (raw) => raw === null || raw === "" ? null : kind.parse(raw),
    show: (value) => value === null ? "" : kind.show(value),
    ...(resolve &&
      { resolve: (value, absolute) => value === null ? null : resolve(value, absolute) }),
  };
}
