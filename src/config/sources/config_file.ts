/** The YAML file as a source of settings. */

// @ts-types="../std_yaml.d.ts"
import { parse, YamlSyntaxError } from "@std/yaml";
import { ConfigError, messageOf } from "../../errors.ts";
import { foreignAdvice } from "./foreign.ts";
import { type Given, meant, unknown } from "./given.ts";
import type { Raw } from "../values/kinds.ts";
import { nearest } from "../nearest.ts";
import { keyNames } from "../registry.ts";

/** The most that a configuration can sensibly need; more is some other file. */
const MAX_FILE_BYTES = 1_048_576;

/** Reads the file, whole. `shown` names it in messages. @throws {ConfigError} when that cannot be. */
export function readConfigFile(path: string, shown: string): string {
  refusePython(path, shown);
  try {
    const { isFile, isDirectory, size } = Deno.statSync(path);
    if (isDirectory) throw new ConfigError(`Cannot read ${shown}: it is a directory`);
    if (isFile && size > MAX_FILE_BYTES) {
      throw new ConfigError(`Cannot read ${shown}: it has ${size} bytes, too many for settings`);
    }
    return new TextDecoder("utf-8", { fatal: true }).decode(Deno.readFileSync(path));
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    throw new ConfigError(`Cannot read ${shown}: ${whyUnread(error)}`, { cause: error });
  }
}

function whyUnread(error: unknown): string {
  if (error instanceof Deno.errors.NotFound) return "there is no such file";
  if (error instanceof Deno.errors.PermissionDenied) return "permission denied";
  if (error instanceof TypeError) return "it is not UTF-8 text";
  return messageOf(error);
}

/** What the text of a file says. `shown` is the file's name in messages. */
export function fromConfigFile(text: string, shown: string): readonly Given[] {
  refuseTabs(text, shown);
  const document = parseYaml(text, shown);
  if (document === null || document === "") return [];
  if (!isMap(document)) {
    throw new ConfigError(`${shown}: a map of settings is expected, such as "workers: 2"`);
  }
  const lines = text.split(/\r?\n/);
  const given: Given[] = [];
  collect(document, [], { lines, shown, from: 0 }, given);
  return given;
}

interface Place {
  readonly lines: readonly string[];
  readonly shown: string;
  /** Index of the line from which on a key is looked for. */
  readonly from: number;
}

function collect(
  map: { readonly [key: string]: Raw },
  path: readonly string[],
  at: Place,
  given: Given[],
) {
  for (const [key, raw] of Object.entries(map)) {
    const keys = [...path, key];
    const called = keys.join(".");
    const line = lineOf(key, path.length, at);
    const place = `${at.shown}:${line + 1}`;
    const name = keyNames.get(called);
    if (name !== undefined) {
      const twice = given.find((other) => other.name === name.name);
      if (twice !== undefined) {
        throw new ConfigError(
          `${place}: ${called}: ${twice.called} (${twice.place}) sets the same`,
        );
      }
      const said = isNull(raw)
        ? null
        : typeof raw === "string"
        ? meant(name, raw, place, called)
        : raw;
      given.push({ name: name.name, raw: said, place, called });
    } else if ([...keyNames.keys()].some((one) => one.startsWith(`${called}.`))) {
      if (!isMap(raw)) throw new ConfigError(`${place}: ${called}: a map is expected`);
      collect(raw, keys, { ...at, from: line + 1 }, given);
    } else {
      throw unknownKey(place, called, path);
    }
  }
}

function unknownKey(place: string, called: string, path: readonly string[]): ConfigError {
  const advice = path.length === 0 ? foreignAdvice(called) : null;
  if (advice !== null) return new ConfigError(`${place}: ${called}: ${advice}`);
  const prefix = path.map((part) => `${part}.`).join("");
  const names = [...keyNames.keys()].filter((one) => path.length === 0 || one.startsWith(prefix));
  return unknown(place, "setting", called, nearest(called, names));
}

/** The parser gives values without their places; a key stands at the beginning of its line. */
function lineOf(key: string, depth: number, { lines, from }: Place): number {
  const quoted = key.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  const indent = depth === 0 ? "" : "\\s+";
  const patterns = [`^${indent}(["']?)${quoted}\\1\\s*:`, `(^|[{,\\s])["']?${quoted}["']?\\s*:`];
  for (const pattern of patterns) {
    const found = lines.findIndex((line, index) => index >= from && new RegExp(pattern).test(line));
    if (found >= 0) return found;
  }
  return Math.min(from, lines.length - 1);
}

/** All scalars stay text (YAML's failsafe schema): what they mean is the settings' own affair. */
function parseYaml(text: string, shown: string): Raw {
  refuseDashes(text, shown);
  try {
    return parse(text, { schema: "failsafe" }) as Raw;
  } catch (error) {
    if (!(error instanceof YamlSyntaxError)) throw error;
    const what = (error.message.split(" at line ")[0] ?? "").split("\n")[0] ?? "";
    const line = text.split(/\r?\n/)[error.line - 1]?.trim() ?? "";
    const doubled = /duplicated key/.test(what);
    throw new ConfigError(
      doubled
        ? `${shown}:${error.line}: ${line.split(":")[0]}: this key is there twice`
        : `${shown}:${error.line}: bad YAML: ${what}${line === "" ? "" : `, near "${line}"`}`,
      { cause: error },
    );
  }
}

/** `access_log: -`, as on the command line: to YAML a dash alone begins a list. */
function refuseDashes(text: string, shown: string) {
  const lines = text.split(/\r?\n/);
  const at = lines.findIndex((line) => /^\s*[\w.-]+\s*:\s+-\s*(?:#.*)?$/.test(line));
  if (at < 0) return;
  const key = lines[at]?.trim().split(/\s*:/)[0];
  throw new ConfigError(
    `${shown}:${at + 1}: ${key}: a dash alone begins a list in YAML; quote it: ${key}: "-"`,
  );
}

/** gunicorn's configuration is a program. What of it is left could only be guessed. */
function refusePython(path: string, shown: string) {
  if (!/\.py$|^(?:.*\/)?python:/.test(path)) return;
  throw new ConfigError(
    `${shown}: settings are read from a YAML file, not from Python: write them as "name: value" ` +
      `into denicorn.yaml (docs/wsgi.md tells gunicorn's names), and hooks in TypeScript`,
  );
}

/** The parser takes a tab for nothing, and what it indents for a key of the outer map. */
function refuseTabs(text: string, shown: string) {
  const at = text.split("\n").findIndex((line) => /^ *\t\s*[^\s#]/.test(line));
  if (at < 0) return;
  throw new ConfigError(
    `${shown}:${at + 1}: bad YAML: the line begins with a tab; indent with spaces`,
  );
}

/** The failsafe schema has no null. */
function isNull(raw: Raw): boolean {
  return raw === null || raw === "" || raw === "~" || raw === "null";
}

function isMap(raw: unknown): raw is { readonly [key: string]: Raw } {
  return typeof raw === "object" && raw !== null && !Array.isArray(raw);
}
