/**
 * A Response around header fields and a body that are known to be right, because whoever made them
 * has validated them. `new Response()` would validate once more, for a fifth of a small exchange.
 */

// Deno types none of this.
// deno-lint-ignore no-explicit-any
type Untyped = any;

/** Deno's own: Hono's adapter for Node, for one, puts another in its place. */
const { Response } = globalThis;

const sample = new Response("", { status: 201, headers: { "x-sample": "1" } });
const INNER = Object.getOwnPropertySymbols(sample)
  .find((symbol) => symbol.description === "response");
const inner: Untyped = INNER && (sample as Untyped)[INNER];
const InnerBody = inner?.body?.constructor;
const WORKS = InnerBody !== undefined && Array.isArray(inner.headerList);

/**
 * With exactly these fields and this body; nothing is added, no Content-Type. Throws RangeError when
 * the status is none that fetch knows.
 */
export function bareResponse(
  status: number,
  fields: [string, string][],
  body: string | Uint8Array | ReadableStream<Uint8Array> | null,
): Response {
  if (!WORKS) return publicResponse(status, fields, body);
  // Made without a body and headers it is on none of Deno's own fast paths, which would look past
  // its inner response.
  const response = new Response(null, status === 200 ? undefined : { status });
  const inner = (response as Untyped)[INNER!];
  inner.headerList = fields;
  if (body !== null) {
    inner.body = new InnerBody(body instanceof ReadableStream ? body : { body, consumed: false });
  }
  return response;
}

/** As bytes, since fetch gives text a Content-Type. */
export function publicResponse(
  status: number,
  fields: [string, string][],
  body: string | Uint8Array | ReadableStream<Uint8Array> | null,
): Response {
  const bytes = typeof body === "string" ? new TextEncoder().encode(body) : body;
  return new Response(bytes as BodyInit | null, { status, headers: fields });
}
