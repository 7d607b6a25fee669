/**
 * Responses that are made around Deno's inner one: header fields and a body that are known to be
 * right, because whoever made them has validated them. `new Response()` would validate once more, for
 * a fifth of a small exchange.
 */

import { bodyCame } from "../os/young_garbage.ts";
import { hiddenSymbol, internalsKnown, type Untyped } from "./hidden.ts";

/** Deno's own: Hono's adapter for Node, for one, puts another in its place. */
const { Response } = globalThis;

const SWITCHING_PROTOCOLS = 101;

const sample: Untyped = new Response("", { status: 201, headers: { "x-sample": "1" } });

/** Under it a Response keeps its inner one. */
export const INNER_RESPONSE = hiddenSymbol(sample, "response");

const inner = sample[INNER_RESPONSE];
const InnerBody = inner?.body?.constructor;

/** Whether this Deno's Response is built as this file expects. */
export const RESPONSES_KNOWN = InnerBody !== undefined && Array.isArray(inner.headerList);

/**
 * With exactly these fields and this body; nothing is added, no Content-Type. Throws RangeError when
 * the status is none that fetch knows.
 */
export function bareResponse(
  status: number,
  fields: [string, string][],
  body: string | Uint8Array | ReadableStream<Uint8Array> | null,
): Response {
  if (!RESPONSES_KNOWN) return publicResponse(status, fields, body);
  // Made without a body and headers it is on none of Deno's own fast paths, which would look past
  // its inner response.
  const response: Untyped = new Response(null, status === 200 ? undefined : { status });
  const inner = response[INNER_RESPONSE];
  inner.headerList = fields;
  if (body !== null) {
    inner.body = new InnerBody(body instanceof ReadableStream ? body : { body, consumed: false });
  }
  return response;
}

/**
 * A response with exactly these header fields (validated by who made them) and body. Nothing is
 * added: no Content-Type.
 */
export function createResponse(
  status: number,
  headers: [string, string][],
  body: string | Uint8Array | ReadableStream<Uint8Array> | null,
): Response {
  if (body instanceof Uint8Array) bodyCame(body.byteLength);
  return internalsKnown
    ? bareResponse(status, headers, body)
    : publicResponse(status, headers, body);
}

/** As bytes, since fetch gives text a Content-Type. */
function publicResponse(
  status: number,
  fields: [string, string][],
  body: string | Uint8Array | ReadableStream<Uint8Array> | null,
): Response {
  const bytes = typeof body === "string" ? new TextEncoder().encode(body) : body;
  return new Response(bytes as BodyInit | null, { status, headers: fields });
}

/**
 * What an app finds for an upgrade to a WebSocket: its constructor refuses the status. Where this
 * Deno hides that, it says 200.
 */
export function switchingProtocols(): Response {
  const response: Untyped = new Response(null, {
    headers: { upgrade: "websocket", connection: "Upgrade" },
  });
  const inner = response[INNER_RESPONSE];
  if (inner !== undefined && "status" in inner) inner.status = SWITCHING_PROTOCOLS;
  return response;
}
