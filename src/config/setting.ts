/** What one record of the registry says about one setting. */

import type { Kind } from "./values/kinds.ts";

/** Another name for a setting: yimmo-wsgi's, gunicorn's, or a short form of one case. */
export interface Spelling {
  /** Long flags, without the dashes. */
  readonly flags?: readonly string[];
  readonly short?: string;
  readonly env?: readonly string[];
  /** Keys in the YAML file; a dot leads into a nested map. */
  readonly keys?: readonly string[];
  /** Turns what was said into what the setting itself would take. */
  readonly read?: (text: string) => string;
  /** What `--help` calls its value, and says of it; a spelling without help is not listed there. */
  readonly placeholder?: string;
  readonly help?: string;
}

/** What a default may depend on. */
export interface Machine {
  readonly env: (name: string) => string | undefined;
  /** How many CPUs this process may use. */
  readonly cpus: () => number;
}

/** A default that depends on the machine, and where it came from. */
export interface Found {
  readonly raw: string;
  /** "environment NAME", or what else the machine was asked. */
  readonly from: string;
  /** As a spelling's. */
  readonly read?: (text: string) => string;
}

export const SECTIONS = {
  app: "Application",
  sockets: "Sockets",
  workers: "Workers and threads",
  recycling: "Recycling and crashes",
  timeouts: "Timeouts",
  limits: "Limits",
  logging: "Logging",
  process: "Process",
  proxies: "Behind a proxy",
  tls: "TLS and HTTP/2",
  websockets: "WebSockets",
  python: "Python",
  development: "Development",
  command: "Command line only",
} as const;

export type Section = keyof typeof SECTIONS;

/** One setting: the flag, the environment name, the YAML key, the check and the help come from it. */
export interface Setting<T> {
  readonly section: Section;
  readonly kind: Kind<T>;
  readonly default: NoInfer<T>;
  /** Where the default depends on the machine; it stands above `default` when it finds something. */
  readonly find?: (machine: Machine) => Found | null;
  /** How the docs name such a default. */
  readonly defaultText?: string;
  /** Short flag, one letter. The long one, DENICORN_NAME and the YAML key are made from the name. */
  readonly short?: string;
  readonly spellings?: readonly Spelling[];
  /** One or two sentences; the first one is what `--help` shows. */
  readonly help: string;
  /** For the docs, as the file has it, where the kind alone does not show it. */
  readonly example?: string;
}

/** Types a record by its own kind. */
export function setting<T>(record: Setting<T>): Setting<T> {
  return record;
}
