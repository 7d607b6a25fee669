/** The command line as a source of settings. */

// @ts-types="../std_cli.d.ts"
import { parseArgs } from "@std/cli";
import { ConfigError } from "../../errors.ts";
import { denoAdvice, foreignAdvice } from "./foreign.ts";
import { type Given, meant, unknown } from "./given.ts";
import { nearest } from "../nearest.ts";
import { commandEntries, entries, flagNames, flagOf, type Name } from "../registry.ts";

const PLACE = "command line";

/**
 * What the arguments say, the app among it.
 *
 * @throws {ConfigError} for a flag that does not exist, lacks its value, or has one too many.
 */
export function fromCommandLine(argv: readonly string[]): readonly Given[] {
  const spelled = new Map<string, string>();
  const { _: words, ...flags } = parseArgs(canonical(argv, spelled), OPTIONS);
  const given: Given[] = [];
  for (const [flag, raw] of Object.entries(flags)) {
    const name = flag.replaceAll("-", "_");
    const called = spelled.get(flag);
    // parseArgs fills in what was not said.
    if (called === undefined) continue;
    given.push({ name, raw: Array.isArray(raw) ? raw : String(raw), place: PLACE, called });
  }
  const [app, ...more] = words.map(String);
  if (more.length > 0 && COMMAND.test(app!)) {
    throw new ConfigError(
      `${PLACE}: there is no command ${app}: name the app alone, as in "denicorn ${more[0]}"`,
    );
  }
  if (more.length > 0) {
    throw new ConfigError(
      `${PLACE}: one APP is expected, not ${words.length}: ${words.join(" ")}; ` +
        `flags and their values stand before or after it`,
    );
  }
  if (app !== undefined) given.push({ name: "app", raw: app, place: PLACE, called: "APP" });
  return given;
}

/** What pm2, Deno and others want in front of an app. */
const COMMAND = /^(?:start|serve|run|web)$/;

const all = [...entries, ...commandEntries];
const isToggle = ({ setting }: Pick<Name, "setting">) => setting.kind.placeholder === "";
const flagsOf = (some: typeof all) => some.map(({ name }) => flagOf(name));

const OPTIONS = {
  string: ["_", ...flagsOf(all.filter((entry) => !isToggle(entry)))],
  boolean: flagsOf(all.filter(isToggle)),
  negatable: flagsOf(all.filter(isToggle)),
  collect: flagsOf(all.filter(({ setting }) => setting.kind.repeatable)),
};

/**
 * The same arguments with every flag in its longest form and its value behind an equals sign.
 *
 * parseArgs alone is too lenient for a server: it takes an unknown flag for a new one, loses the
 * value in `--access-log -`, reads `--no-proc=2` as `--proc=2`, and a flag without its value as "".
 */
function canonical(argv: readonly string[], spelled: Map<string, string>): string[] {
  const result: string[] = [];
  const words: string[] = [];
  for (let i = 0; i < argv.length; i++) {
    const argument = argv[i] ?? "";
    if (argument === "--") {
      words.push(...argv.slice(i + 1));
      break;
    }
    if (!argument.startsWith("-") || argument === "-") {
      words.push(argument);
      continue;
    }
    for (const { said, name, negated, attached } of readFlag(argument)) {
      const flag = flagOf(name.name);
      spelled.set(flag, said);
      if (isToggle(name)) {
        result.push(`--${flag}=${negated ? false : isOn(name, said, attached)}`);
        continue;
      }
      // A value may well begin with a dash: `--access-log -`, `-e -`; a flag's name may not.
      const next = argv[i + 1];
      if (attached === undefined && (next === undefined || isFlag(next))) {
        throw new ConfigError(`${PLACE}: ${said} needs a value: ${said} ${name.placeholder}`);
      }
      if (attached === undefined) i++;
      result.push(`--${flag}=${meant(name, attached ?? next ?? "", PLACE, said)}`);
    }
  }
  return [...result, "--", ...words];
}

/** `--reload`, `--reload=yes`: parseArgs would take any text for true. */
function isOn(name: Name, said: string, attached: string | undefined): unknown {
  const read = () => String(name.setting.kind.parse(attached ?? "true"));
  return meant({ ...name, read }, attached ?? "true", PLACE, said);
}

interface Flag {
  /** As it was typed. */
  readonly said: string;
  readonly name: Name;
  readonly negated: boolean;
  readonly attached: string | undefined;
}

/** Reads `--flag`, `--flag=value`, `--no-switch`, `-f`, `-fvalue`, `-f=value` and `-abc`. */
function readFlag(argument: string): Flag[] {
  return argument.startsWith("--") ? [readLong(argument)] : readShort(argument);
}

function readLong(argument: string): Flag {
  const at = argument.indexOf("=");
  const said = at < 0 ? argument : argument.slice(0, at);
  const attached = at < 0 ? undefined : argument.slice(at + 1);
  const word = said.slice(2);
  const name = flagNames.get(word);
  if (name !== undefined && word.length > 1) return { said, name, negated: false, attached };
  const switched = word.startsWith("no-") ? flagNames.get(word.slice(3)) : undefined;
  if (switched !== undefined && isToggle(switched) && attached === undefined) {
    return { said, name: switched, negated: true, attached };
  }
  throw noFlag(said, word);
}

function readShort(argument: string): Flag[] {
  const found: Flag[] = [];
  for (let i = 1; i < argument.length; i++) {
    const letter = argument[i] ?? "";
    const name = flagNames.get(letter);
    if (name === undefined) throw noFlag(`-${letter}`, letter);
    const rest = argument.slice(i + 1).replace(/^=/, "");
    if (!isToggle(name)) {
      const attached = i + 1 < argument.length ? rest : undefined;
      return [...found, { said: `-${letter}`, name, negated: false, attached }];
    }
    found.push({ said: `-${letter}`, name, negated: false, attached: undefined });
  }
  return found;
}

function noFlag(said: string, word: string): ConfigError {
  const advice = foreignAdvice(word) ?? denoAdvice(word);
  if (advice !== null) return new ConfigError(`${PLACE}: ${said}: ${advice}`);
  const long = [...flagNames.keys()].filter((flag) => flag.length > 1);
  const near = nearest(word, long);
  return unknown(PLACE, "flag", said, near === null ? null : `--${near}`);
}

function isFlag(argument: string): boolean {
  const word = argument.replace(/^--?/, "").replace(/=.*$/s, "");
  return /^--[a-z]/.test(argument) || (/^-[a-zA-Z]$/.test(argument) && flagNames.has(word));
}
