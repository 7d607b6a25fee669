/**
 * What the app's Response is made of, read out for the queue: from where Deno remembers it, or, where
 * it does not (another Deno, another realm's Response), in the public way.
 */

import { checkFields, rememberedParts, type ResponseParts } from "../deno/response_parts.ts";

/** Reads a response that the app returned. Throws TypeError when it is none, used up, or cannot be sent. */
export function readResponse(response: unknown): ResponseParts {
  const parts = read(response);
  checkFields(parts.fields);
  return parts;
}

function read(response: unknown): ResponseParts {
  if (response instanceof Response) return rememberedParts(response) ?? readPublic(response);
  if (isForeignResponse(response)) return readForeign(response);
  throw new TypeError(
    `The app must return a Response, or a promise of one; it returned ${describe(response)}`,
  );
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
