/**
 * The strictness of the server, and what it must know of a request: one pass over its header fields.
 *
 * Deno's parser has refused what breaks the framing (see docs/internals.md); what it lets through and
 * no app should see is refused here, by the rules of rules.ts. The pass also writes the head that
 * crosses to the app's thread (protocol/queue/queue.ts): with names in lower case, the Host field first
 * and always there, and with scheme, host and address as a trusted proxy reports them.
 *
 * Hot: it runs for every request and allocates only the head's own string.
 */

import type { Config } from "../../config/config.ts";
import { type Field, hasToken } from "../../protocol/head.ts";
import { TrustedPeers } from "../../config/values/cidr.ts";
import { FieldKind, FieldTable, SCRIPT_NAME } from "./field_table.ts";
import { ForwardedFields } from "./forwarded.ts";
import { isValidHost } from "./host.ts";
import type { PeerFacts } from "./peer.ts";
import { type Rule, Rules } from "./rules.ts";

/** The connection that a request came by, as far as the pass asks for it. */
export interface Peer extends Omit<PeerFacts, "local"> {
  /** Asked only where it makes a difference: finding it out costs more than the whole pass. */
  isHttp2(method: string, fields: readonly Field[]): boolean;
}

/** Settings that the pass obeys. */
export type HeadLimits = Pick<
  Config,
  | "limit_request_line"
  | "limit_request_fields"
  | "limit_request_field_size"
  | "limit_request_body"
  | "header_map"
  | "forwarded_allow_ips"
  | "secure_scheme_headers"
>;

/** Of a request line beside method and target: two spaces and "HTTP/1.1". */
const LINE_REST = 10;

const SLASH = 47;

/** The fields of which a second one is refused. */
const DOUBLED: Readonly<Record<number, Rule>> = {
  [FieldKind.host]: Rules.hostDoubled,
  [FieldKind.contentLength]: Rules.contentLengthDoubled,
  [FieldKind.contentType]: Rules.contentTypeDoubled,
  [FieldKind.authorization]: Rules.authorizationDoubled,
};

/** With these a Request has no body, in whatever letters they are written. */
const BODILESS: ReadonlySet<string> = new Set(["GET", "HEAD", "CONNECT"]);

/** Reads the heads of a proc's requests, one after another: each read overwrites the last. */
export class RequestHead {
  /** As in protocol/queue/queue.ts. */
  head = "";
  method = "";
  url = "";
  /** Whether the app is to see another URL, address or other fields than Deno's own request has. */
  changed = false;
  /** The client, as far as trusted peers tell. */
  remoteHost = "";
  remotePort = 0;
  /** Bytes that a head which is in order took on the connection, as clients commonly write one. */
  wireBytes = 0;
  /** Bytes; -1 where the request does not say. */
  contentLength = -1;
  /** Whether the body, if there is one, comes in chunks of its own. */
  chunked = false;
  /** Whether a WebSocket is among what the Upgrade fields ask for, in however many lines. */
  asksSocket = false;
  /** Where a trusted proxy has mounted the app: a path without a slash at its end, or "". */
  scriptName = "";

  readonly #maxLine: number;
  readonly #maxFields: number;
  readonly #maxField: number;
  readonly #maxBody: number;
  readonly #underscores: HeadLimits["header_map"];
  readonly #fields: FieldTable;
  readonly #forwarded: ForwardedFields;

  constructor(limits: HeadLimits) {
    this.#maxLine = limits.limit_request_line || Infinity;
    this.#maxFields = limits.limit_request_fields || Infinity;
    this.#maxField = limits.limit_request_field_size || Infinity;
    this.#maxBody = limits.limit_request_body || Number.MAX_SAFE_INTEGER;
    this.#underscores = limits.header_map;
    this.#fields = new FieldTable(
      Object.keys(limits.secure_scheme_headers),
      limits.header_map === "keep",
    );
    this.#forwarded = new ForwardedFields(
      new TrustedPeers(limits.forwarded_allow_ips),
      limits.secure_scheme_headers,
    );
  }

  get hasBody(): boolean {
    return this.chunked || this.contentLength > 0;
  }

  /** Whether the app may be given a body. In HTTP/2 one need not be announced, RFC 9113, 8.1.1. */
  get mayHaveBody(): boolean {
    return this.contentLength !== 0 && !BODILESS.has(this.method.toUpperCase());
  }

  /** Reads a request's head. Returns the rule by which it is refused, or null. */
  read(
    method: string,
    url: string,
    fields: readonly Field[],
    peer: Peer,
  ): Rule | null {
    this.method = method;
    this.changed = false;
    this.contentLength = -1;
    this.chunked = false;
    this.asksSocket = false;
    this.scriptName = "";
    this.remoteHost = peer.remoteHost;
    this.remotePort = peer.remotePort;
    const forwarded = this.#forwarded;
    forwarded.clear();
    const count = fields.length;
    if (count > this.#maxFields) return Rules.tooManyFields;

    let seen = 0;
    let host = "";
    let lines = "";
    // Request line and end, but for method and target.
    let bytes = LINE_REST + 4;
    for (let i = 0; i < count; i++) {
      const pair = fields[i]!;
      const value = pair[1];
      const size = pair[0].length + value.length + 2;
      if (size > this.#maxField) return Rules.fieldTooLarge;
      bytes += size + 2;
      const field = this.#fields.at(i, pair[0]);
      const kind = field.kind;
      if (kind !== FieldKind.plain) {
        if ((seen & kind) !== 0 && kind in DOUBLED) return DOUBLED[kind]!;
        seen |= kind;
        if (kind === FieldKind.host) {
          host = value;
          // HTTP/2 has its names in lower case, as some clients of HTTP/1 have: so only these are asked,
          // once for a connection, and wherever it closes it is known.
          if (field.name === field.lower) peer.isHttp2(method, fields);
          continue;
        }
        if (kind === FieldKind.underscore) {
          if (field.lower === SCRIPT_NAME && peer.trusted) this.scriptName = mountPoint(value);
          else if (this.#underscores === "refuse") return Rules.nameWithUnderscore;
          else if (this.#underscores === "keep") lines += field.prefix + value;
          this.changed ||= this.#underscores !== "keep";
          continue;
        }
        if (kind >= FieldKind.forwarded) {
          if (peer.trusted) forwarded.take(field, value);
        } else {
          const rule = this.#take(kind, value);
          if (rule !== null) return rule;
        }
      }
      lines += field.prefix + value;
    }

    this.wireBytes = bytes;
    if ((seen & FieldKind.host) === 0) {
      // HTTP/2 has :authority instead, of which Deno makes the URL. In HTTP/1.0 a Host is no duty,
      // but Deno does not tell 1.0 from 1.1.
      if (!peer.isHttp2(method, fields)) return Rules.hostMissing;
      host = authorityOf(url);
      // Deno joins them without a slash where the path is an asterisk, which only OPTIONS may ask for.
      if (host.endsWith("*")) return Rules.targetInvalid;
    }
    return this.#target(method, url, host, lines, fields, peer);
  }

  /** A field that means something to the server. */
  #take(kind: number, value: string): Rule | null {
    switch (kind) {
      case FieldKind.contentLength:
        // Deno has seen to it that it is digits alone.
        this.contentLength = Number(value);
        return this.contentLength > this.#maxBody ? Rules.bodyTooLarge : null;
      case FieldKind.transferEncoding:
        this.chunked = true;
        return value.toLowerCase() === "chunked" ? null : Rules.transferCoding;
      case FieldKind.expect:
        return value.toLowerCase() === "100-continue" ? null : Rules.expectation;
      case FieldKind.upgrade:
        this.asksSocket ||= hasToken(value, "websocket");
        return null;
    }
    return null;
  }

  /** Checks method, target and host against one another, and writes the head. */
  #target(
    method: string,
    url: string,
    host: string,
    lines: string,
    fields: readonly Field[],
    peer: Peer,
  ): Rule | null {
    if (method === "CONNECT" || method === "TRACE" || method === "TRACK") {
      return Rules.methodUnsupported;
    }
    if (!isValidHost(host)) return Rules.hostInvalid;
    let path = peer.origin.length + host.length;
    const next = url.charCodeAt(path);
    if (
      next !== SLASH || !url.startsWith(host, peer.origin.length) || !url.startsWith(peer.origin)
    ) {
      // Not what Deno makes of "/path" and this Host: an absolute-form target, or HTTP/2.
      const parts = splitUrl(url);
      if (parts === null) return Rules.targetScheme;
      if (parts.authority.toLowerCase() !== host.toLowerCase()) return Rules.targetAgainstHost;
      // In HTTP/2 the scheme is what the client, or a proxy, says that it speaks (RFC 9113, 8.3.1).
      if (parts.scheme !== peer.scheme && !peer.trusted && !peer.isHttp2(method, fields)) {
        return Rules.misdirected;
      }
      path = parts.path;
    }
    this.wireBytes += method.length + url.length - path;
    if (method.length + url.length - path + LINE_REST > this.#maxLine) {
      return Rules.requestLineTooLong;
    }
    if (url.indexOf("#", path) >= 0) return Rules.targetInvalid;
    const backslash = url.indexOf("\\", path);
    if (backslash >= 0) {
      const query = url.indexOf("?", path);
      if (query < 0 || backslash < query) return Rules.targetInvalid;
    }

    let scheme = peer.scheme;
    let shownHost = host;
    if (this.#forwarded.any) {
      const origin = this.#forwarded.resolve(host);
      if (origin === null) return Rules.forwardedConflict;
      if (origin.address !== null) {
        this.remoteHost = origin.address;
        this.remotePort = origin.port;
        this.changed = true;
      }
      scheme = origin.scheme ?? scheme;
      shownHost = origin.host ?? host;
    }
    if (
      shownHost !== host || path !== peer.origin.length + host.length ||
      scheme.length + 3 !== peer.origin.length || url.charCodeAt(path) !== SLASH ||
      !url.startsWith(scheme)
    ) {
      const slash = url.charCodeAt(path) === SLASH ? "" : "/";
      url = `${scheme}://${shownHost}${slash}${url.slice(path)}`;
      this.changed = true;
    }
    this.url = url;
    this.head = method + "\n" + url + "\nhost\n" + shownHost + lines;
    return null;
  }
}

/** A path as SCRIPT_NAME has it: from the root, without a slash at its end. */
function mountPoint(value: string): string {
  const path = value.replace(/\/+$/, "");
  return path.startsWith("/") ? path : "";
}

/** What stands between "//" and the path. */
function authorityOf(url: string): string {
  return splitUrl(url)?.authority ?? "";
}

/** The parts of an absolute URL with the scheme http or https; null where it has another. */
function splitUrl(
  url: string,
): { scheme: "http" | "https"; authority: string; path: number } | null {
  const match = /^(?:http\+unix|(https?)):\/\/([^/?#]*)/i.exec(url);
  if (match === null) return null;
  return {
    scheme: match[1]?.toLowerCase() === "https" ? "https" : "http",
    authority: match[2]!,
    path: match[0].length,
  };
}
