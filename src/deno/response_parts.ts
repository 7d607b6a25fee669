/**
 * What Deno's Response remembers of what the app gave it.
 *
 * It keeps the string or bytes, and makes its headers when they are asked for. Read from there, a
 * response of a known length never becomes a stream, nothing is awaited, and no Headers object is
 * made: with the public getters a request costs half as much again. What is not found there is read in
 * the public way (app/response.ts).
 */

import { hiddenSymbol, type Untyped } from "./hidden.ts";
import { INNER_RESPONSE as INNER } from "./response.ts";

export interface ResponseParts {
  readonly status: number;
  readonly fields: [string, string][];
  readonly body: string | Uint8Array | ReadableStream<Uint8Array> | null;
}

const sample = new Response("");
const LAZY_BODY = hiddenSymbol(sample, "lazy static body");
const FAST_STATUS = hiddenSymbol(sample, "serve fast status");
const FAST_BODY = hiddenSymbol(sample, "serve fast body");
const FAST_KIND = hiddenSymbol(sample, "serve fast header kind");
const FAST_CONTENT_TYPE = hiddenSymbol(sample, "serve fast content type");
const CONSUMED = hiddenSymbol(sample, "serve fast consumed");

/** Deno's kinds of a fast header: none, this one type, or the type that stands beside it. */
const TEXT_PLAIN = "text/plain;charset=UTF-8";
const FAST_HEADER = { none: 0, text: 1, contentType: 2 };

/**
 * Control characters, which a Headers object takes and no field may hold (RFC 9110, 5.5). Deno's process
 * ends where it is to send one over HTTP/1.
 */
// deno-lint-ignore no-control-regex
const CONTROLS = /[\x00-\x08\x0a-\x1f\x7f]/;

/** Of a value that cannot be sent, in the error. */
const SHOWN_CHARACTERS = 100;

/** Headers that describe an encoding which fetch() has already undone. */
const ENCODING_HEADERS = new Set(["content-encoding", "content-length", "transfer-encoding"]);

/**
 * What the response is made of; the body then counts as used. Null where this Deno hides it. Throws
 * TypeError where it is used up, or Response.error().
 */
export function rememberedParts(response: Response): ResponseParts | null {
  return readFast(response) ?? readInner(response);
}

/**
 * One of Deno's fast responses: `new Response(string)`, with at most a Content-Type, and not used up.
 * Returned to Deno as it is, it is sent in the cheapest way.
 */
export function isFast(response: Untyped): boolean {
  if (!response[FAST_STATUS] || response[FAST_BODY] === null || response[CONSUMED]) return false;
  if (
    response[FAST_KIND] === FAST_HEADER.contentType && CONTROLS.test(response[FAST_CONTENT_TYPE])
  ) {
    return false;
  }
  // Not looked at since it was made, or made and not used up: else the fast fields are stale.
  if (response[LAZY_BODY] !== null) return true;
  const source = response[INNER].body?.streamOrStatic;
  // Who has only asked whether there is a body has made a stream of it, which nobody has begun to read.
  return source?.consumed === false ||
    (source instanceof ReadableStream && !source.locked && !response.bodyUsed);
}

/** How many bytes outside of V8's heap a fast response holds. */
export function fastBytes(response: Untyped): number {
  const body = response[FAST_BODY];
  return typeof body === "string" ? 0 : body.byteLength;
}

/** The length of a fast response's body: bytes, or characters. */
export function fastLength(response: Untyped): number {
  return response[FAST_BODY].length;
}

function readFast(response: Untyped): ResponseParts | null {
  if (!isFast(response)) return null;
  const status = response[FAST_STATUS];
  const body = response[FAST_BODY];
  const kind = response[FAST_KIND];
  const fields: [string, string][] = [];
  if (kind !== FAST_HEADER.none) {
    const type = kind === FAST_HEADER.text ? TEXT_PLAIN : response[FAST_CONTENT_TYPE];
    fields.push(["content-type", type]);
  }
  response[CONSUMED] = true;
  return { status, fields, body };
}

function readInner(response: Untyped): ResponseParts | null {
  if (response[INNER] === undefined) return null;
  // The headers getter makes Deno write out what it still holds back.
  if (response[LAZY_BODY] !== null) void response.headers;
  const inner = response[INNER];
  if (inner.type === "error") throw new TypeError("The app returned Response.error()");
  const { status, headerList, bodyDecoded } = inner;
  const fields = bodyDecoded ? withoutEncoding(headerList) : headerList;
  if (inner.body === null || inner.body === undefined) return { status, fields, body: null };
  if (response.bodyUsed) throw new TypeError("The app returned a Response whose body is used up");
  const source = inner.body.streamOrStatic;
  const fixed = source?.body;
  if (typeof fixed === "string" || fixed instanceof Uint8Array) {
    source.consumed = true;
    return { status, fields, body: fixed };
  }
  return { status, fields, body: response.body };
}

/** Throws TypeError where a field cannot be sent. */
export function checkFields(fields: readonly (readonly [string, string])[]): void {
  for (let i = 0; i < fields.length; i++) {
    const [name, value] = fields[i]!;
    if (!CONTROLS.test(value)) continue;
    const shown = JSON.stringify(value.slice(0, SHOWN_CHARACTERS));
    throw new TypeError(
      `The header field ${name} of the app's response holds a control character: ${shown}; ` +
        "encode what comes from outside, with encodeURIComponent() say",
    );
  }
}

function withoutEncoding(fields: [string, string][]): [string, string][] {
  return fields.filter(([name]) => !ENCODING_HEADERS.has(name.toLowerCase()));
}
