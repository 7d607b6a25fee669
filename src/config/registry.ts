/**
 * All settings, one record each. Flags, environment names, YAML keys, checks, `--help`,
 * `--print-config`, docs/settings.md and the type `Config` are made from these records.
 */

import type { Setting, Spelling } from "./setting.ts";
import { appSettings, developmentSettings, pythonSettings } from "./settings/app.ts";
import { commandSettings } from "./settings/command.ts";
import { proxySettings, tlsSettings, websocketSettings } from "./settings/edge.ts";
import { limitSettings, timeoutSettings } from "./settings/limits.ts";
import { loggingSettings, processSettings } from "./settings/process.ts";
import { socketSettings } from "./settings/sockets.ts";
import { recyclingSettings, workerSettings } from "./settings/workers.ts";

/** The settings that make up `Config`. */
export const settings = {
  ...appSettings,
  ...socketSettings,
  ...workerSettings,
  ...recyclingSettings,
  ...timeoutSettings,
  ...limitSettings,
  ...loggingSettings,
  ...processSettings,
  ...proxySettings,
  ...tlsSettings,
  ...websocketSettings,
  ...pythonSettings,
  ...developmentSettings,
} as const;

export type SettingName = keyof typeof settings;

/** A record as those see it who treat all settings alike: its values are only handed on. */
export type AnySetting = Setting<unknown>;

/** A setting with its name. */
export interface Entry {
  readonly name: string;
  readonly setting: AnySetting;
}

export const entries: readonly Entry[] = toEntries(settings);
export const commandEntries: readonly Entry[] = toEntries(commandSettings);

function toEntries(records: object): readonly Entry[] {
  return Object.entries(records as Record<string, AnySetting>).map(([name, setting]) => ({
    name,
    setting,
  }));
}

/** The long flag of a setting, without dashes. */
export function flagOf(name: string): string {
  return name.replaceAll("_", "-");
}

/** The environment variable of a setting. */
export function envOf(name: string): string {
  return `DENICORN_${name.toUpperCase()}`;
}

/** One name by which a source may call a setting. */
export interface Name extends Entry {
  readonly read: (text: string) => string;
  /** What its value is called; empty for a switch. */
  readonly placeholder: string;
}

const asItStands = (text: string) => text;

function namesFrom(
  all: readonly Entry[],
  own: (name: string, setting: AnySetting) => readonly string[],
  others: (spelling: Spelling) => readonly string[],
): ReadonlyMap<string, Name> {
  const names = new Map<string, Name>();
  const add = (word: string, entry: Entry, { read = asItStands, placeholder }: Spelling) => {
    // Two settings of one name would hide each other; the unit tests load this module.
    if (names.has(word)) throw new Error(`two settings are called ${word}`);
    names.set(word, {
      ...entry,
      read,
      placeholder: placeholder ?? entry.setting.kind.placeholder,
    });
  };
  for (const entry of all) {
    for (const word of own(entry.name, entry.setting)) add(word, entry, {});
    for (const spelling of entry.setting.spellings ?? []) {
      for (const word of others(spelling)) add(word, entry, spelling);
    }
  }
  return names;
}

const everything = [...entries, ...commandEntries];

/** Flags by name, without dashes: short ones have one letter. */
export const flagNames = namesFrom(
  everything,
  (name, { short }) => short === undefined ? [flagOf(name)] : [flagOf(name), short],
  ({ flags = [], short }) => short === undefined ? flags : [...flags, short],
);

/** Environment variables by name. */
export const envNames = namesFrom(
  [...entries, ...commandEntries.filter(({ name }) => name === "config")],
  (name) => [envOf(name)],
  ({ env = [] }) => env,
);

/** YAML keys by name; a dot leads into a nested map. */
export const keyNames = namesFrom(entries, (name) => [name], ({ keys = [] }) => keys);
