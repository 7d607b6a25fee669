/**
 * The access log's format language, which is gunicorn's: `%(h)s`, `%({referer}i)s`, …; or `json`.
 * A format is compiled once into a function. Whatever a client or an app sent is escaped as nginx
 * does it (`"`, `\`, controls and all but ASCII become \xHH), so that no value ends its quotes, its
 * line, or moves a terminal's cursor; every line is plain ASCII.
 */

import { BadValue } from "../config/values/bad_value.ts";
import { clockOf, perSecond, two, zoneOf } from "./clock.ts";

/**
 * Header fields as they were sent, names in any case; `Headers` will do. Values hold one character
 * for each byte.
 */
export type Fields = Iterable<readonly [name: string, value: string]>;

/** What the log says of one exchange. An exchange may itself have these properties: nothing is copied. */
export interface AccessEntry {
  readonly method: string;
  /** Absolute, or path and query alone. */
  readonly url: string;
  /** "HTTP/1.1". */
  readonly protocol: string;
  readonly status: number;
  /** Bytes of the response's body that were sent. */
  readonly bytes: number;
  /** When the request's head had come, milliseconds since the epoch. */
  readonly startedAt: number;
  /** From then to the last byte, milliseconds with a fraction. */
  readonly durationMs: number;
  /** IP address, or "" for a unix socket. */
  readonly remoteHost: string;
  readonly requestFields: Fields;
  readonly responseFields: Fields;
}

/** One line of the access log, with its line feed. */
export type AccessFormat = (entry: AccessEntry) => string;

type Atom = (entry: AccessEntry) => string;

/**
 * Compiles a format.
 *
 * @throws {BadValue} that names the atom which is wrong, in a sentence that begins with the format.
 */
export function compileAccessFormat(format: string): AccessFormat {
  if (format === "json") return jsonLine;
  const parts = parse(format);
  return (entry) => {
    let line = "";
    for (const part of parts) line += typeof part === "string" ? part : part(entry);
    return `${line}\n`;
  };
}

const ATOM = /%(?:%|\((?:\{([^{}]+)\}([ioe])|([^(){}]*))\)[sd]?)?/g;

function parse(format: string): (string | Atom)[] {
  const parts: (string | Atom)[] = [];
  let end = 0;
  for (const match of format.matchAll(ATOM)) {
    const [whole, name, kind, letter] = match;
    if (match.index > end) parts.push(format.slice(end, match.index));
    end = match.index + whole.length;
    if (whole === "%%") parts.push("%");
    else if (name !== undefined) parts.push(fieldAtom(name, kind));
    else parts.push(letterAtom(whole, letter));
  }
  if (end < format.length) parts.push(format.slice(end));
  return parts;
}

function letterAtom(whole: string, letter: string | undefined): string | Atom {
  const atom = letter !== undefined && Object.hasOwn(ATOMS, letter) ? ATOMS[letter] : undefined;
  if (atom !== undefined) return atom;
  const all = Object.keys(ATOMS).map((one) => `%(${one})s`).join(" ");
  throw new BadValue(
    `has ${
      whole === "%" ? "a % that begins nothing (write %% for the character)" : `no atom ${whole}`
    }` +
      `: there are ${all}, %({NAME}i)s for a request's field, %({NAME}o)s for a response's, ` +
      `%({NAME}e)s for a variable, and "json"`,
  );
}

function fieldAtom(name: string, kind: string | undefined): string | Atom {
  const wanted = name.toLowerCase();
  switch (kind) {
    case "i":
      return ({ requestFields }) => escaped(fieldOf(requestFields, wanted));
    case "o":
      return ({ responseFields }) => escaped(fieldOf(responseFields, wanted));
    default:
      return variableAtom(name);
  }
}

/** WSGI's variables of a request, else one of the process, which is the same for every line. */
function variableAtom(name: string): string | Atom {
  const atom = Object.hasOwn(VARIABLES, name) ? VARIABLES[name] : undefined;
  if (atom !== undefined) return atom;
  if (name.startsWith("HTTP_")) return fieldAtom(name.slice(5).replaceAll("_", "-"), "i");
  return escaped(Deno.env.get(name) ?? "");
}

const VARIABLES: Readonly<Record<string, Atom>> = {
  REQUEST_METHOD: ({ method }) => escaped(method),
  PATH_INFO: ({ url }) => escaped(pathOf(targetOf(url))),
  QUERY_STRING: ({ url }) => escaped(queryOf(targetOf(url))),
  RAW_URI: ({ url }) => escaped(targetOf(url)),
  REMOTE_ADDR: ({ remoteHost }) => escaped(remoteHost),
  SERVER_PROTOCOL: ({ protocol }) => escaped(protocol),
  CONTENT_TYPE: ({ requestFields }) => escaped(fieldOf(requestFields, "content-type")),
  CONTENT_LENGTH: ({ requestFields }) => escaped(fieldOf(requestFields, "content-length")),
};

const ATOMS: Readonly<Record<string, string | Atom>> = {
  h: ({ remoteHost }) => escaped(remoteHost),
  l: "-",
  // The only value outside of quotes, in the usual formats, that may hold a space.
  u: ({ requestFields }) => escaped(userOf(requestFields)).replaceAll(" ", "\\x20"),
  t: ({ startedAt }) => logTime(startedAt),
  r: ({ method, url, protocol }) => escaped(`${method} ${targetOf(url)} ${protocol}`),
  m: ({ method }) => escaped(method),
  U: ({ url }) => escaped(pathOf(targetOf(url))),
  q: ({ url }) => escaped(queryOf(targetOf(url))),
  H: ({ protocol }) => escaped(protocol),
  s: ({ status }) => String(status),
  B: ({ bytes }) => String(bytes),
  b: ({ bytes }) => bytes === 0 ? "-" : String(bytes),
  f: ({ requestFields }) => escaped(fieldOf(requestFields, "referer")),
  a: ({ requestFields }) => escaped(fieldOf(requestFields, "user-agent")),
  T: ({ durationMs }) => String(Math.floor(durationMs / 1_000)),
  D: ({ durationMs }) => String(Math.round(durationMs * 1_000)),
  M: ({ durationMs }) => String(Math.floor(durationMs)),
  L: ({ durationMs }) => (durationMs / 1_000).toFixed(6),
  p: `<${Deno.pid}>`,
};

/** By hand, since JSON.stringify of an object costs three times as much. */
function jsonLine(entry: AccessEntry): string {
  const target = targetOf(entry.url);
  return `{"time":"${isoTime(entry.startedAt)}","remote":${quoted(entry.remoteHost)},` +
    `"user":${quoted(userOf(entry.requestFields))},"method":${quoted(entry.method)},` +
    `"path":${quoted(pathOf(target))},"query":${quoted(queryOf(target))},` +
    `"protocol":${quoted(entry.protocol)},"status":${entry.status},"bytes":${entry.bytes},` +
    `"duration_ms":${entry.durationMs.toFixed(3)},` +
    `"referer":${quoted(fieldOf(entry.requestFields, "referer"))},` +
    `"agent":${quoted(fieldOf(entry.requestFields, "user-agent"))},"pid":${Deno.pid}}\n`;
}

/** The first field of that name; `wanted` is in lower case. "" where there is none. */
function fieldOf(fields: Fields, wanted: string): string {
  for (const [name, value] of fields) {
    // Lengths first: lower case costs an allocation.
    if (name.length === wanted.length && (name === wanted || name.toLowerCase() === wanted)) {
      return value;
    }
  }
  return "";
}

/** Path and query of an absolute URL; what is no such URL stays as it is. */
function targetOf(url: string): string {
  if (url.startsWith("/")) return url;
  const authority = url.indexOf("://");
  const path = authority < 0 ? -1 : url.indexOf("/", authority + 3);
  return path < 0 ? url : url.slice(path);
}

function pathOf(target: string): string {
  const at = target.indexOf("?");
  return at < 0 ? target : target.slice(0, at);
}

function queryOf(target: string): string {
  const at = target.indexOf("?");
  return at < 0 ? "" : target.slice(at + 1);
}

/** The name of Basic credentials (RFC 7617). */
function userOf(fields: Fields): string {
  const credentials = /^basic +([A-Za-z0-9+/]+={0,2}) *$/i.exec(fieldOf(fields, "authorization"))
    ?.[1];
  if (credentials === undefined) return "";
  try {
    return atob(credentials).split(":")[0] ?? "";
  } catch {
    return "";
  }
}

const PLAIN = /^[\x20\x21\x23-\x5b\x5d-\x7e]+$/;
const SPECIAL = /[^\x20\x21\x23-\x5b\x5d-\x7e]/gu;
const encoder = new TextEncoder();

/** Nothing is "-", as in all such logs. */
function escaped(value: string): string {
  if (PLAIN.test(value)) return value;
  return value === "" ? "-" : value.replace(SPECIAL, hex);
}

function hex(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  const bytes = code <= 0xff ? [code] : [...encoder.encode(character)];
  return bytes.map((byte) => `\\x${byte.toString(16).toUpperCase().padStart(2, "0")}`).join("");
}

function quoted(value: string): string {
  if (PLAIN.test(value)) return `"${value}"`;
  if (value === "") return "null";
  return JSON.stringify(value).replace(
    /[^\x20-\x7e]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

const MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");

/** `[21/Nov/2026:06:23:00 +0000]`, in local time. */
const logTime = perSecond((date) => {
  const day = `${two(date.getDate())}/${MONTHS[date.getMonth()]}/${date.getFullYear()}`;
  return `[${day}:${clockOf(date)} ${zoneOf(date)}]`;
});

const isoSecond = perSecond((date) => date.toISOString().slice(0, -"000Z".length));

/** `2026-11-21T06:23:00.123Z` */
function isoTime(time: number): string {
  return `${isoSecond(time)}${String(Math.floor(time) % 1_000).padStart(3, "0")}Z`;
}
