/** What has to be right between settings, and between a setting and the machine. */

import { ConfigError } from "../errors.ts";
import { type Bind, showBind } from "./bind.ts";
import type { Values } from "./load.ts";

/** @throws {ConfigError} that names the settings and where they were set. */
export function checkTogether(values: Values): void {
  checkDirectory(values);
  checkBinds(values);
  checkTls(values);
}

function valueOf<T>(values: Values, name: string): T {
  return values.get(name)?.value as T;
}

function place(values: Values, name: string): string {
  return `${name} (${values.get(name)?.from ?? "default"})`;
}

function checkDirectory(values: Values) {
  const directory = valueOf<string>(values, "chdir");
  const what = kindOf(directory);
  if (what === "directory") return;
  throw new ConfigError(
    `${place(values, "chdir")}: ${directory} is ${what === null ? "not there" : "no directory"}`,
  );
}

function checkBinds(values: Values) {
  const binds = valueOf<readonly Bind[]>(values, "bind");
  if (binds.length === 0) {
    throw new ConfigError(`${place(values, "bind")}: no address to listen on`);
  }
  const seen = new Set<string>();
  for (const bind of [...binds, ...valueOf<readonly Bind[]>(values, "redirect_bind")]) {
    const shown = showBind(bind);
    // Port 0 is a free one each time.
    if (bind.transport === "tcp" && bind.port === 0) continue;
    if (seen.has(shown)) throw new ConfigError(`${place(values, "bind")}: ${shown} is there twice`);
    seen.add(shown);
    if (bind.transport === "unix" && bind.path.startsWith("@") && Deno.build.os !== "linux") {
      throw new ConfigError(`${place(values, "bind")}: ${shown}: only Linux has abstract sockets`);
    }
  }
}

function checkTls(values: Values) {
  const cert = valueOf<string | null>(values, "certfile");
  const key = valueOf<string | null>(values, "keyfile");
  if ((cert === null) !== (key === null)) {
    const [there, lacking] = cert === null ? ["keyfile", "certfile"] : ["certfile", "keyfile"];
    throw new ConfigError(`${place(values, there)}: it needs ${lacking} beside it`);
  }
  for (const name of ["certfile", "keyfile"]) {
    const path = valueOf<string | null>(values, name);
    if (path !== null && kindOf(path) !== "file") {
      throw new ConfigError(`${place(values, name)}: there is no file ${path}`);
    }
  }
  if (cert === null && valueOf<readonly Bind[]>(values, "redirect_bind").length > 0) {
    throw new ConfigError(
      `${place(values, "redirect_bind")}: it leads to https, which needs certfile and keyfile`,
    );
  }
}

function kindOf(path: string): "file" | "directory" | null {
  try {
    return Deno.statSync(path).isDirectory ? "directory" : "file";
  } catch {
    return null;
  }
}
