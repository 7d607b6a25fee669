/**
 * A second opinion on what bytes on a connection mean: written from RFC 9112 alone, strict where
 * requests could be smuggled, lenient where the RFC lets a server be (bare LF, empty lines before a
 * request). Whatever the server takes for a request must be one here, in the same order.
 */

import type { Latin1 } from "../../support/wire.ts";

export interface ReferenceRequest {
  readonly method: string;
  readonly target: string;
  /** null where it is malformed or breaks off; nothing can follow then. */
  readonly body: Latin1 | null;
}

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

/** The requests that these bytes hold, up to the first whose head is malformed or not whole. */
export function readRequests(bytes: Latin1): ReferenceRequest[] {
  const requests: ReferenceRequest[] = [];
  for (let at = 0;;) {
    const read = readRequest(bytes, at);
    if (read === null) return requests;
    requests.push(read.request);
    if (read.request.body === null) return requests;
    at = read.end;
  }
}

function readRequest(
  bytes: Latin1,
  start: number,
): { request: ReferenceRequest; end: number } | null {
  let at = start;
  const line = () => {
    const end = bytes.indexOf("\n", at);
    if (end < 0) return null;
    const text = bytes.slice(at, bytes[end - 1] === "\r" && end > at ? end - 1 : end);
    at = end + 1;
    return text;
  };

  let first = line();
  while (first === "") first = line();
  const [, method, target, version] = /^(\S+) (\S+) (HTTP\/1\.[01])$/.exec(first ?? "") ?? [];
  if (method === undefined || target === undefined || !TOKEN.test(method)) return null;

  const fields: [string, string][] = [];
  for (;;) {
    const text = line();
    if (text === null) return null;
    if (text === "") break;
    const colon = text.indexOf(":");
    const [name, value] = [text.slice(0, colon), text.slice(colon + 1)];
    if (colon < 0 || !TOKEN.test(name) || !VALUE.test(value)) return null;
    fields.push([name.toLowerCase(), value.replace(/^[ \t]+|[ \t]+$/g, "")]);
  }

  const all = (name: string) => fields.filter(([own]) => own === name).map(([, value]) => value);
  const codings = all("transfer-encoding");
  const lengths = all("content-length");
  if (codings.length > 0) {
    // Both at once, in HTTP/1.0, or anything but "chunked": refused, since others may read it otherwise.
    if (lengths.length > 0 || version === "HTTP/1.0") return null;
    if (codings.length > 1 || codings[0]!.toLowerCase() !== "chunked") return null;
    const body = readChunks(bytes, at);
    return { request: { method, target, body: body?.text ?? null }, end: body?.end ?? at };
  }
  if (lengths.length > 1 || lengths.some((length) => !/^[0-9]+$/.test(length))) return null;
  const end = at + Number(lengths[0] ?? 0);
  const body = end > bytes.length ? null : bytes.slice(at, end);
  return { request: { method, target, body }, end };
}

function readChunks(bytes: Latin1, start: number): { text: Latin1; end: number } | null {
  let text = "";
  for (let at = start;;) {
    const lineEnd = bytes.indexOf("\r\n", at);
    if (lineEnd < 0) return null;
    // deno-lint-ignore no-control-regex
    const size = /^[ \t]*([0-9A-Fa-f]+)[ \t]*(?:;[^\x00-\x1f\x7f]*)?$/.exec(
      bytes.slice(at, lineEnd),
    )?.[1];
    if (size === undefined) return null;
    const length = parseInt(size, 16);
    at = lineEnd + 2;
    if (length === 0) return readTrailers(bytes, at, text);
    if (bytes.substr(at + length, 2) !== "\r\n") return null;
    text += bytes.substr(at, length);
    at += length + 2;
  }
}

function readTrailers(
  bytes: Latin1,
  start: number,
  text: Latin1,
): { text: Latin1; end: number } | null {
  for (let at = start;;) {
    const end = bytes.indexOf("\r\n", at);
    if (end < 0) return null;
    if (end === at) return { text, end: end + 2 };
    const [, name, value] = /^([^:]*):(.*)$/.exec(bytes.slice(at, end)) ?? [];
    if (name === undefined || !TOKEN.test(name) || !VALUE.test(value!)) return null;
    at = end + 2;
  }
}
