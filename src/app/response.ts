/**
 * What the app's Response is made of, read out for the queue.
 *
 * Deno's Response remembers the string or bytes that it was given and makes its headers when they
 * are asked for. Read from there, a response of a known length never becomes a stream, nothing is
 * awaited, and no Headers object is made: with the public getters a request costs half as much again.
 * Whatever is not found there (another Deno, another realm's Response) is read in the public way.
 */

import { denoSymbol } from "./deno_symbol.ts";

export interface ResponseParts {
  readonly status: number;
  readonly fields: [string, string][];
  readonly body: string | Uint8Array | ReadableStream<Uint8Array> | null;
}

// Deno types none of this.
// deno-lint-ignore no-explicit-any
type Untyped = any;

const sample = new Response("", { status: 201, headers: { "x-sample": "1" } });
const INNER = denoSymbol(sample, "response");
const LAZY_BODY = denoSymbol(sample, "lazy static body");
const FAST_STATUS = denoSymbol(sample, "serve fast status");
const FAST_BODY = denoSymbol(sample, "serve fast body");
const FAST_KIND = denoSymbol(sample, "serve fast header kind");
const FAST_CONTENT_TYPE = denoSymbol(sample, "serve fast content type");
const CONSUMED = denoSymbol(sample, "serve fast consumed");

/** Deno's kinds of a fast header: none, this one type, or the type that stands beside it. */
const TEXT_PLAIN = "text/plain;charset=UTF-8";
const FAST_HEADER = { none: 0, text: 1, contentType: 2 };

/** Headers that describe an encoding which fetch() has already undone. */
const ENCODING_HEADERS = new Set(["content-encoding", "content-length", "transfer-encoding"]);

/** Reads a response that the app returned. Throws TypeError when it is none, or used up. */
export function readResponse(response: unknown): ResponseParts {
  if (response instanceof Response) {
    return readFast(response) ?? readInner(response) ?? readPublic(response);
  }
  if (isForeignResponse(response)) return readForeign(response);
  throw new TypeError(
    `The app must return a Response, or a promise of one; it returned ${describe(response)}`,
  );
}

/**
 * One of Deno's fast responses: `new Response(string)`, with at most a Content-Type, and not used up.
 * Returned to Deno as it is, it is sent in the cheapest way.
 */
export function isFast(response: Untyped): boolean {
  if (!response[FAST_STATUS] || response[FAST_BODY] === null || response[CONSUMED]) return false;
  // Not looked at since it was made, or made and not used up: else the fast fields are stale.
  return response[LAZY_BODY] !== null ||
    response[INNER].body?.streamOrStatic.consumed === false;
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

function withoutEncoding(fields: [string, string][]): [string, string][] {
  return fields.filter(([name]) => !ENCODING_HEADERS.has(name.toLowerCase()));
}

function readPublic(response: Response): ResponseParts {
  if (response.type === "error") throw new TypeError("The app returned Response.error()");
  if (response.bodyUsed) throw new TypeError("The app returned a Response whose body is used up");
  return {
    status: response.status,
    fields: [...response.headers],
    body: response.body,
  };
}

/** A Response of another realm: node-fetch's, undici's, a polyfill's. */
interface ForeignResponse {
  readonly status: number;
  readonly headers: Iterable<[string, string]>;
  readonly body: unknown;
  arrayBuffer(): Promise<ArrayBuffer>;
}

function isForeignResponse(value: unknown): value is ForeignResponse {
  const it = value as Partial<ForeignResponse> | null;
  return typeof it === "object" && it !== null && Number.isInteger(it.status) &&
    typeof it.headers?.[Symbol.iterator] === "function" && typeof it.arrayBuffer === "function";
}

/** Copied into a Response of this realm, which validates it. */
function readForeign(foreign: ForeignResponse): ResponseParts {
  const isNull = foreign.body === null || foreign.body === undefined;
  const body = isNull ? null : ReadableStream.from(
    Symbol.asyncIterator in (foreign.body as object)
      ? foreign.body as AsyncIterable<Uint8Array>
      : wholeBody(foreign),
  );
  return readPublic(new Response(body, { status: foreign.status, headers: [...foreign.headers] }));
}

async function* wholeBody(foreign: ForeignResponse): AsyncGenerator<Uint8Array> {
  yield new Uint8Array(await foreign.arrayBuffer());
}

function describe(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (typeof value === "object") return `an object (${value.constructor?.name ?? "no class"})`;
  return `a ${typeof value}`;
}
