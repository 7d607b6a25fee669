/** A directory with files in it, and what denicorn makes of it. */

import type { Config } from "../../../src/config/config.ts";
import { load, type Loaded, requireConfig } from "../../../src/config/load.ts";
import { ConfigError } from "../../../src/errors.ts";

export interface Situation {
  /** Arguments; `app.ts`, which exists, comes behind them unless `app` is false. */
  readonly argv?: readonly string[];
  readonly app?: boolean;
  readonly env?: Readonly<Record<string, string>>;
  /** Text of ./denicorn.yaml. */
  readonly file?: string;
  /** More files, by path. */
  readonly files?: Readonly<Record<string, string>>;
  readonly cpus?: number;
}

/** The directory's path stands as DIR in what the message says. */
export function loadIn(
  { argv = [], app = true, env = {}, file, files = {}, cpus = 4 }: Situation,
): Loaded {
  const cwd = Deno.makeTempDirSync();
  try {
    const all = {
      "app.ts": "",
      ...files,
      ...(file === undefined ? {} : { "denicorn.yaml": file }),
    };
    for (const [path, text] of Object.entries(all)) {
      const parent = path.includes("/") ? path.slice(0, path.lastIndexOf("/")) : "";
      Deno.mkdirSync(`${cwd}/${parent}`, { recursive: true });
      Deno.writeTextFileSync(`${cwd}/${path}`, text);
    }
    const loaded = load({ argv: app ? [...argv, "app.ts"] : argv, env, cwd, cpus: () => cpus });
    return JSON.parse(
      JSON.stringify({ ...loaded, values: [...loaded.values] }).replaceAll(cwd, "DIR"),
      (key, value) => key === "values" ? new Map(value) : value,
    );
  } catch (error) {
    if (error instanceof ConfigError) error.message = error.message.replaceAll(cwd, "DIR");
    throw error;
  } finally {
    Deno.removeSync(cwd, { recursive: true });
  }
}

export function configIn(situation: Situation): Config {
  return requireConfig(loadIn(situation));
}

/** The message of the refusal; an error when nothing is refused. */
export function refusalIn(situation: Situation): string {
  try {
    loadIn(situation);
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
  throw new Error("nothing was refused");
}
