/**
 * From everything that says something to one frozen Config. Lowest to highest: defaults, the YAML
 * file, the environment, the command line. The highest source that names a setting decides it
 * alone: lists of different sources are not joined.
 */

import { isAbsolute, resolve } from "node:path";
import { ConfigError } from "../errors.ts";
import { absoluteApp, interfaceOf } from "./app.ts";
import { requireFile } from "./app_file.ts";
import { BadValue } from "./values/bad_value.ts";
import { checkTogether } from "./checks.ts";
import type { Config, Settings } from "./config.ts";
import { allowedCpus } from "./cpus.ts";
import { badValue, type Given, meant } from "./sources/given.ts";
import { kindOf } from "./path_kind.ts";
import { commandEntries, entries, type Entry, type SettingName } from "./registry.ts";
import type { Machine } from "./setting.ts";
import { fromCommandLine } from "./sources/command_line.ts";
import { fromConfigFile, readConfigFile } from "./sources/config_file.ts";
import { fromEnvironment } from "./sources/environment.ts";

const DEFAULT_FILE = "denicorn.yaml";

export interface LoadOptions {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Directory that relative paths start from, `chdir` among them. */
  readonly cwd: string;
  readonly cpus?: () => number;
}

/** A setting's value, and where it came from. */
export interface Value {
  readonly value: unknown;
  /** "default", "denicorn.yaml:3", "environment DENICORN_WORKERS", "command line --workers". */
  readonly from: string;
  /** True when a person set it. */
  readonly isSaid: boolean;
}

export type Values = ReadonlyMap<string, Value>;

/** The configuration, and what --print-config and the start tell of it. */
export interface Loaded {
  /** Null where no app is named. */
  readonly config: Config | null;
  readonly values: Values;
  /** The YAML file that was read, as it was named. */
  readonly file: string | null;
  /** One line each, for the error log. */
  readonly warnings: readonly string[];
}

/** What the command line asks for besides settings. */
export interface Asked {
  readonly given: readonly Given[];
  readonly help: boolean;
  readonly version: boolean;
  readonly checkConfig: boolean;
  readonly printConfig: boolean;
}

/** Reads the command line alone, so that `--help` works where the rest does not. */
export function readArguments(argv: readonly string[]): Asked {
  const given = fromCommandLine(argv);
  const asks = (name: string) =>
    given.some((one) => one.name === name) && parseOne(commandEntry(name), given).value === true;
  return {
    given,
    help: asks("help"),
    version: asks("version"),
    checkConfig: asks("check_config"),
    printConfig: asks("print_config"),
  };
}

/** Finds, reads, merges and checks all sources. @throws {ConfigError} */
export function load(options: LoadOptions): Loaded {
  const { given } = readArguments(options.argv);
  const environment = fromEnvironment(options.env);
  const file = configFile([...environment.given, ...given], options.cwd);
  const fromFile = file === null
    ? []
    : fromConfigFile(readConfigFile(file.path, file.called), file.shown);
  const machine: Machine = {
    env: (name) => options.env[name],
    cpus: options.cpus ?? allowedCpus,
  };
  const all = [...fromFile, ...environment.given, ...given];
  const said = new Map(entries.map((entry) => [entry.name, parseOne(entry, all, machine)]));
  const named = (name: SettingName) => `${name} (${said.get(name)?.from})`;
  const settings = freeze(withApp(withAbsolutePaths(plain(said), options.cwd), named("app")));
  checkTogether(settings, named);
  const values = new Map(
    entries.map(({ name }) => {
      const { from = "default", isSaid = false } = said.get(name) ?? {};
      return [name, { value: settings[name as SettingName], from, isSaid }];
    }),
  );
  return {
    config: isComplete(settings) ? settings : null,
    values,
    file: file?.shown ?? null,
    warnings: [
      ...environment.warnings,
      ...mistakenTimeout(values),
      ...file === null && settings.interface === "wsgi" ? passedOver(options.cwd) : [],
    ],
  };
}

/** The types of the registry's records, which a loop over all of them cannot keep. */
function plain(values: Values): Settings {
  return Object.fromEntries([...values].map(([name, { value }]) => [name, value])) as Settings;
}

function isComplete(settings: Settings): settings is Config {
  return settings.app !== null && settings.interface !== "auto";
}

/** The configuration to serve with. @throws {ConfigError} also when no app is named. */
export function requireConfig({ config }: Loaded): Config {
  if (config !== null) return config;
  throw new ConfigError(
    `Nothing to serve: name an APP, as in "denicorn app.ts", or set "app:" in ${DEFAULT_FILE}; ` +
      `--help shows how`,
  );
}

function commandEntry(name: string): Entry {
  const entry = commandEntries.find((one) => one.name === name);
  if (entry === undefined) throw new Error(`no record of ${name}`);
  return entry;
}

interface ConfigFile {
  readonly path: string;
  /** As it was named, for "file:line". */
  readonly shown: string;
  /** The same with who named it. */
  readonly called: string;
}

function configFile(given: readonly Given[], cwd: string): ConfigFile | null {
  const { value, from } = parseOne(commandEntry("config"), given);
  if (typeof value === "string") {
    return { path: resolve(cwd, value), shown: value, called: `${value} (${from})` };
  }
  const path = resolve(cwd, DEFAULT_FILE);
  return exists(path) ? { path, shown: DEFAULT_FILE, called: DEFAULT_FILE } : null;
}

function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch (error) {
    // What is there and cannot be looked at must not be passed over in silence.
    return !(error instanceof Deno.errors.NotFound);
  }
}

/** The value of one setting. The last that names it wins: sources come from lowest to highest. */
function parseOne({ name, setting }: Entry, all: readonly Given[], machine?: Machine): Value {
  const last = all.findLast((one) => one.name === name);
  if (last !== undefined) {
    const from = last.place === "environment" || last.place === "command line"
      ? `${last.place} ${last.called}`
      : last.place;
    return { value: parsed(setting.kind, last), from, isSaid: true };
  }
  const found = machine && setting.find?.(machine);
  if (!found) return { value: setting.default, from: "default", isSaid: false };
  const { from, raw, read = (text: string) => text } = found;
  const called = from.replace(/^environment /, "");
  const place = called === from ? "default" : "environment";
  const given = { name, raw: meant({ name, read }, raw, place, called), place, called };
  return { value: parsed(setting.kind, given), from, isSaid: false };
}

function parsed(kind: Entry["setting"]["kind"], given: Given): unknown {
  try {
    return kind.parse(given.raw);
  } catch (error) {
    throw error instanceof BadValue ? badValue(given, error) : error;
  }
}

function withAbsolutePaths(settings: Settings, cwd: string): Settings {
  const chdir = resolve(cwd, settings.chdir);
  const absolute = (path: string) => isAbsolute(path) ? path : resolve(chdir, path);
  const paths = entries.filter(({ name }) => name !== "chdir").flatMap((
    { name, setting: { kind } },
  ) => kind.resolve ? [[name, kind.resolve(settings[name as SettingName], absolute)]] : []);
  return { ...settings, ...Object.fromEntries(paths), chdir };
}

function withApp(settings: Settings, named: string): Settings {
  const { app, interface: forced, chdir } = settings;
  if (app === null) return settings;
  try {
    const kind = forced === "auto" ? interfaceOf(app) : forced;
    return { ...settings, app: absoluteApp(app, kind, chdir), interface: kind };
  } catch (error) {
    if (!(error instanceof BadValue)) throw error;
    // A directory, or a path without its ending: what lies there tells more than the form.
    const path = resolve(chdir, app);
    if (kindOf(path) === "directory" || /^[^:]*\/[^:.]*$/.test(app)) requireFile(path);
    throw new ConfigError(`${named}: "${app}" ${error.message}`);
  }
}

/** From so many on, who types -t rather means gunicorn's, which is --timeout. */
const MANY_THREADS = 20;

function mistakenTimeout(values: Values): string[] {
  const { value = 0, from = "" } = values.get("threads") ?? {};
  if (from !== "command line -t" || Number(value) < MANY_THREADS) return [];
  return [`${from}: ${value} threads run in each process; gunicorn's -t is --timeout here`];
}

/** gunicorn reads it without being told to. */
function passedOver(cwd: string): string[] {
  if (kindOf(resolve(cwd, "gunicorn.conf.py")) !== "file") return [];
  return [`gunicorn.conf.py is not read: write its settings into ${DEFAULT_FILE} (docs/wsgi.md)`];
}

function freeze<T extends object>(value: T): T {
  for (const part of Object.values(value)) {
    if (typeof part === "object" && part !== null) freeze(part);
  }
  return Object.freeze(value);
}
