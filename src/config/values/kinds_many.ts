/** The kinds of value that have several parts: lists, pairs, addresses, permissions. */

import { BadValue } from "./bad_value.ts";
import { type Bind, parseBind, showBind } from "./bind.ts";
import { parsePeerPattern } from "./cidr.ts";
import { type Kind, type Raw, textOf } from "./kinds.ts";

/** A list: repeated flags, a YAML list, or one text with commas. */
export function list<T>(kind: Kind<T>): Kind<readonly T[]> {
  const { resolve } = kind;
  return {
    placeholder: kind.placeholder,
    values: `list of: ${kind.values}`,
    repeatable: true,
    parse(raw) {
      const items = Array.isArray(raw) ? raw : [raw];
      return items.filter((item) => item !== null).flatMap((item) =>
        textOf(item).split(",").map((part) => part.trim()).filter((part) => part !== "")
          .map((part) => partOf(part, kind))
      );
    },
    show: (values) => values.flatMap((value) => kind.show(value)),
    ...(resolve && { resolve: (values, absolute) => values.map((one) => resolve(one, absolute)) }),
  };
}

/** Says which part of a list is the bad one. */
function partOf<T>(part: string, kind: Kind<T>): T {
  try {
    return kind.parse(part);
  } catch (error) {
    throw error instanceof BadValue ? new BadValue(error.message, part) : error;
  }
}

/** Addresses to listen on. */
export function binds(): Kind<readonly Bind[]> {
  return list({
    placeholder: "ADDRESS",
    values:
      "`HOST:PORT`, `[IPV6]:PORT`, `:PORT`, `PORT`, `unix:PATH`, `unix:@NAME`, `fd://N`, `fd://NAME`",
    repeatable: false,
    parse: (raw) => parseBind(textOf(raw)),
    show: showBind,
    resolve: (bind, absolute) =>
      bind.transport === "unix" && !bind.path.startsWith("@")
        ? { ...bind, path: absolute(bind.path) }
        : bind,
  });
}

/** Peers: an IP address, a network such as `10.0.0.0/8`, `unix`, or `*` for everybody. */
export function peers(): Kind<readonly string[]> {
  return list({
    placeholder: "IP",
    values: "IP address, network such as `10.0.0.0/8`, `unix` for unix sockets, or `*` for all",
    repeatable: false,
    parse(raw) {
      const value = textOf(raw);
      if (parsePeerPattern(value) === null) {
        throw new BadValue("is no IP address, no network such as 10.0.0.0/8, not unix and not *");
      }
      return value;
    },
    show: String,
  });
}

/** What browsers send as Origin (RFC 6454): a scheme and a host, of which the first labels may be `*`. */
export function origins(): Kind<readonly string[]> {
  return list({
    placeholder: "ORIGIN",
    values: "origin such as `https://example.org:8443` or `https://*.example.org`, or `null`",
    repeatable: false,
    parse(raw) {
      const value = textOf(raw);
      if (value === "null" || /^[a-z][a-z0-9+.-]*:\/\/(?:\*\.)?[^\s/?#@*]+\/?$/i.test(value)) {
        return value;
      }
      throw new BadValue("is no origin such as https://example.org or https://*.example.org");
    },
    show: String,
  });
}

/** `NAME=VALUE` pairs: repeated flags, lines of one text, a YAML map or list. */
export function pairs(): Kind<Readonly<Record<string, string>>> {
  return {
    placeholder: "NAME=VALUE",
    values: "map of names to values; `NAME=VALUE` on the command line",
    repeatable: true,
    parse(raw) {
      const found: Record<string, string> = {};
      if (isMap(raw)) {
        for (const [name, value] of Object.entries(raw)) {
          found[checkedName(name)] = value === null ? "" : notNull(name, scalarOf(name, value));
        }
        return found;
      }
      const items = Array.isArray(raw) ? raw : [raw];
      for (const line of items.flatMap((item) => item === null ? [] : textOf(item).split("\n"))) {
        if (line.trim() === "") continue;
        const at = line.indexOf("=");
        if (at < 1) throw new BadValue(`has no "=": write it as NAME=VALUE`, line);
        found[checkedName(line.slice(0, at).trim())] = line.slice(at + 1);
      }
      return found;
    },
    show: (value) => Object.entries(value).map(([name, one]) => `${name}=${one}`),
  };
}

function scalarOf(name: string, value: Raw): string {
  if (typeof value === "string") return value;
  throw new BadValue(`has more than one value for ${name}`);
}

/** A variable that is there cannot be nothing, and what is inherited cannot be taken away from an app. */
function notNull(name: string, value: string): string {
  if (value !== "null" && value !== "~") return value;
  throw new BadValue(
    `is nothing in YAML: leave ${name} out, or for that very text write env: ["${name}=${value}"]`,
    value,
  );
}

function checkedName(name: string): string {
  if (name === "" || /[=\0\s]/.test(name)) throw new BadValue(`has a bad name: "${name}"`);
  return name;
}

function isMap(raw: Raw): raw is { readonly [key: string]: Raw } {
  return typeof raw === "object" && raw !== null && !Array.isArray(raw);
}

/** Deno's permissions of an app's threads, as `Deno.PermissionOptionsObject` takes them. */
export type AppPermissions = Readonly<Record<string, boolean | "inherit" | readonly string[]>>;

const PERMISSIONS = ["env", "ffi", "import", "net", "read", "run", "sys", "write"];

/** A YAML map such as `{ net: [example.org], read: true, run: false }`, or the same as JSON text. */
export function permissions(): Kind<AppPermissions> {
  return {
    placeholder: "JSON",
    values: "map of Deno's permissions to `true`, `false`, `inherit` or a list",
    repeatable: false,
    parse(raw) {
      const map = typeof raw === "string" ? fromJson(raw) : raw;
      if (!isMap(map)) throw new BadValue("is no map such as { net: [example.org], read: true }");
      return Object.fromEntries(
        Object.entries(map).map(([name, value]) => [permissionName(name), permission(name, value)]),
      );
    },
    show: (value) => JSON.stringify(value),
  };
}

function fromJson(text: string): Raw {
  try {
    // Scalars become text, as they are in what the YAML file gives.
    return JSON.parse(
      text,
      (_, value) => typeof value === "object" ? value : String(value),
    );
  } catch {
    throw new BadValue(`is no JSON such as {"net": ["example.org"], "read": true}`);
  }
}

function permissionName(name: string): string {
  if (PERMISSIONS.includes(name)) return name;
  throw new BadValue(
    `names a permission that Deno lacks: "${name}" is none of ${PERMISSIONS.join(", ")}`,
  );
}

function permission(name: string, value: Raw): boolean | "inherit" | readonly string[] {
  if (Array.isArray(value)) return value.map((item) => scalarOf(name, item));
  if (value === "true") return true;
  if (value === "false" || value === "none") return false;
  if (value === "inherit") return value;
  throw new BadValue(`has a bad value for ${name}: it is true, false, inherit or a list`);
}
