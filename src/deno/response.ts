/**
 * Responses that are made around Deno's inner one: header fields and a body that are known to be
 * right, because whoever made them has validated them. `new Response()` would validate once more, for
 * a fifth of a small exchange.
 */

import { bodyCame } from "../os/memory/young_garbage.ts";
import { hiddenSymbol, internalsKnown, type Untyped } from "./hidden.ts";

/** Deno's own: Hono's adapter for Node, for one, puts another in its place. */
const { Response } = globalThis;

export const SWITCHING_PROTOCOLS = 101;

/** Of all that ends an exchange: three digits (RFC 9110, 15), and more than `new Response()` takes. */
const [LEAST_STATUS, LAST_STATUS] = [200, 999];

const sample: Untyped = new Response("", { status: 201, headers: { "x-sample": "1" } });

/** Under it a Response keeps its inner one. */
export const INNER_RESPONSE = hiddenSymbol(sample, "response");

const inner = sample[INNER_RESPONSE];
const InnerBody = inner?.body?.constructor;

/** Whether this Deno's Response is built as this file expects. */
export const RESPONSES_KNOWN = InnerBody !== undefined && Array.isArray(inner.headerList) &&
  inner.status === 201;

/**
 * With exactly these fields and this body; nothing is added, no Content-Type. Throws RangeError when
 * the status is none that ends an exchange; in public, none that `new Response()` takes (to 599).
 */
export function bareResponse(
  status: number,
  fields: [string, string][],
  body: string | Uint8Array | ReadableStream<Uint8Array> | null,
): Response {
  if (!RESPONSES_KNOWN) return publicResponse(status, fields, body);
  if (!(status >= LEAST_STATUS && status <= LAST_STATUS)) {
    throw new RangeError(
      `The status of a response must be from ${LEAST_STATUS} to ${LAST_STATUS}, not ${status}`,
    );
  }
  // Made without a body and headers it is on none of Deno's own fast paths, which would look past
  // its inner response.
  const response: Untyped = new Response(null);
  const inner = response[INNER_RESPONSE];
  // What another server has answered with, a Response may have and no constructor takes.
  inner.status = status;
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
