/** What --check-config looks at besides: what a start would find missing on this machine. */

import { dirname } from "node:path";
import { ConfigError, SystemError } from "../errors.ts";
import { isNoFile } from "../os/listen/socket_file.ts";
import { libcUnavailable } from "../os/libc.ts";
import { findIdentity } from "../os/process/user.ts";
import { showBind } from "./values/bind.ts";
import type { Settings } from "./config.ts";
import type { Loaded, Values } from "./load.ts";
import { kindOf } from "./path_kind.ts";
import type { SettingName } from "./registry.ts";

/** Settings that name a file which is made, or written to, at the start. */
const MADE = ["pid", "error_log", "access_log"] as const;

/**
 * A start finds all of it by itself, where it is needed.
 *
 * @throws {ConfigError} that names the setting and where it was set.
 */
export function checkMachine({ values }: Loaded): void {
  const hooks = textOf(values, "hooks");
  if (hooks !== null && isKnownNot("file", hooks)) {
    throw new ConfigError(`${named(values, "hooks")}: there is no file ${hooks}`);
  }
  for (const name of MADE) {
    const path = textOf(values, name);
    if (path === null || path === "-") continue;
    requireDirectory(path, named(values, name));
    if (kindOf(path) !== "directory") continue;
    throw new ConfigError(`${named(values, name)}: ${path} is a directory; name a file in it`);
  }
  checkSocketFiles(values);
  checkPython(values);
  checkIdentity(values);
}

/** Whoever may not look there (it may be the later `user`'s alone) does not know that it is missing. */
function isKnownNot(wanted: "file" | "directory", path: string): boolean {
  const kind = kindOf(path);
  return kind !== null && kind !== wanted;
}

/** Of the file, which is made at the start. */
function requireDirectory(path: string, named: string) {
  if (!isKnownNot("directory", dirname(path))) return;
  throw new ConfigError(`${named}: there is no directory ${dirname(path)}`);
}

function checkSocketFiles(values: Values) {
  for (const name of ["bind", "redirect_bind"] as const) {
    for (const bind of values.get(name)?.value as Settings["bind"] | undefined ?? []) {
      if (bind.transport !== "unix" || isNoFile(bind)) continue;
      requireDirectory(bind.path, `${named(values, name)}: ${showBind(bind)}`);
    }
  }
}

function checkPython(values: Values) {
  const python = textOf(values, "python");
  if (python === null || textOf(values, "interface") !== "wsgi") return;
  if (!isKnownNot("file", python)) return;
  throw new ConfigError(`${named(values, "python")}: there is no file ${python}`);
}

function checkIdentity(values: Values) {
  const [user, group] = [textOf(values, "user"), textOf(values, "group")];
  // Without libc it cannot be known before the start.
  if (libcUnavailable() !== null) return;
  try {
    findIdentity(user, group);
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    throw new ConfigError(error.message, { cause: error });
  }
}

function textOf(values: Values, name: SettingName): string | null {
  const value = values.get(name)?.value;
  return typeof value === "string" ? value : null;
}

function named(values: Values, name: SettingName): string {
  return `${name} (${values.get(name)?.from})`;
}
