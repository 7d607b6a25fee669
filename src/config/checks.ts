/** What has to be right between settings, and between a setting and the machine. */

import { ConfigError } from "../errors.ts";
import { type Bind, MAX_UNIX_PATH_BYTES, showBind } from "./values/bind.ts";
import type { Settings } from "./config.ts";
import { kindOf } from "./path_kind.ts";
import type { SettingName } from "./registry.ts";

/** A setting's name with where its value came from, for the beginning of a message. */
type Named = (name: SettingName) => string;

/** Of what is read at the start anyway. */
const UNSEEN = "may not be looked at; permit it (--allow-read, and the system's permissions)";

/** @throws {ConfigError} that names the settings and where they were set. */
export function checkTogether(settings: Settings, named: Named): void {
  checkDirectory(settings, named);
  checkBinds(settings, named);
  checkTls(settings, named);
  checkPermissions(settings, named);
}

function checkDirectory({ chdir }: Settings, named: Named) {
  const what = kindOf(chdir);
  if (what === "directory") return;
  const why = { file: "is no directory", nothing: "is not there" };
  throw new ConfigError(`${named("chdir")}: ${chdir} ${what === null ? UNSEEN : why[what]}`);
}

function checkBinds({ bind: binds, redirect_bind }: Settings, named: Named) {
  if (binds.length === 0) throw new ConfigError(`${named("bind")}: no address to listen on`);
  const seen = new Set<string>();
  for (
    const [name, bind] of [
      ...binds.map((bind) => ["bind", bind] as const),
      ...redirect_bind.map((bind) => ["redirect_bind", bind] as const),
    ]
  ) {
    const shown = showBind(bind);
    // Port 0 is a free one each time.
    if (bind.transport === "tcp" && bind.port === 0) continue;
    if (seen.has(shown)) throw new ConfigError(`${named(name)}: ${shown} is there twice`);
    seen.add(shown);
    if (bind.transport === "unix") checkUnixPath(bind, named(name));
  }
}

/** Here, where relative paths have become absolute ones: that is how they are bound. */
function checkUnixPath(bind: Bind & { transport: "unix" }, named: string) {
  const shown = showBind(bind);
  if (bind.path.startsWith("@") && Deno.build.os !== "linux") {
    throw new ConfigError(`${named}: ${shown}: only Linux has abstract sockets`);
  }
  const { length } = new TextEncoder().encode(bind.path);
  if (length <= MAX_UNIX_PATH_BYTES) return;
  const limit = `a unix socket takes ${MAX_UNIX_PATH_BYTES}`;
  throw new ConfigError(
    `${named}: ${shown}: the path has ${length} bytes, ${limit}: choose a shorter one`,
  );
}

function checkPermissions({ app_permissions, interface: kind, threads }: Settings, named: Named) {
  if (app_permissions === null) return;
  if (kind === "wsgi") {
    const why = "Python is not bound by Deno's permissions; confine it with the system's means";
    throw new ConfigError(`${named("app_permissions")}: ${why}`);
  }
  if (threads === 0) {
    const why = "with threads: 0 the app runs in the server's thread and with its permissions";
    throw new ConfigError(`${named("app_permissions")}: ${why}`);
  }
}

function checkTls(settings: Settings, named: Named) {
  const { bind, certfile, keyfile, proxy_protocol, redirect_bind, tls_min_version } = settings;
  if (certfile !== null && tls_min_version !== "1.2") {
    const why = "Deno's TLS speaks 1.2 as well as 1.3, and cannot be told not to";
    throw new ConfigError(`${named("tls_min_version")}: ${why}; let a proxy in front do it`);
  }
  if (certfile === null && redirect_bind.length > 0) {
    const needs = "it leads to https, which needs certfile and keyfile";
    throw new ConfigError(`${named("redirect_bind")}: ${needs}`);
  }
  if (certfile === null && keyfile !== null) {
    throw new ConfigError(`${named("keyfile")}: it needs certfile beside it`);
  }
  if (certfile !== null && keyfile === null) {
    throw new ConfigError(`${named("certfile")}: it needs keyfile beside it`);
  }
  // A unix socket, which a descriptor may be, has no TLS.
  if (proxy_protocol && certfile !== null && bind.every(({ transport }) => transport === "tcp")) {
    const why = "Deno's TLS begins with a connection's first byte, and finds no handshake in a " +
      "PROXY header; let the proxy end TLS, and leave certfile out, or have it send none";
    throw new ConfigError(`${named("proxy_protocol")}: ${why}`);
  }
  for (const [name, path] of [["certfile", certfile], ["keyfile", keyfile]] as const) {
    const what = path === null ? "file" : kindOf(path);
    if (what === "file") continue;
    const why = what === null ? `${path} ${UNSEEN}` : `there is no file ${path}`;
    throw new ConfigError(`${named(name)}: ${why}`);
  }
}
