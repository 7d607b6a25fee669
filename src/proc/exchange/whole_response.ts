/**
 * A response whose body is whole. Over HTTP/2, what does not fit into the client's window waits in Deno,
 * and neither Deno nor the kernel tells of it. There a body of some size is given to Deno as a stream,
 * whose end is known. See session/delivery.ts.
 */

import { createResponse } from "../../deno/response.ts";
import type { Session } from "../session/session.ts";

/** A body up to this goes as it is: a quarter of the window of a client that says nothing (RFC 9113, 6.9.2). */
const SMALL_BODY_BYTES = 16 * 1024;
/** Deno is given so much at a time. */
const PIECE_BYTES = 64 * 1024;

/** Whether a body of this length is to be given to Deno as a stream. */
export function mayBeHeld(session: Session, length: number): boolean {
  return session.http2 && length > SMALL_BODY_BYTES;
}

export function wholeResponse(
  session: Session,
  info: Deno.ServeHandlerInfo,
  status: number,
  fields: [string, string][],
  body: string | Uint8Array | null,
): Response {
  if (body === null || !mayBeHeld(session, body.length)) {
    return createResponse(status, fields, body);
  }
  const bytes = typeof body === "string" ? new TextEncoder().encode(body) : body;
  // Deno tells the length of a body that is whole, and that alone is the right one.
  const others = fields.filter(([name]) => name.toLowerCase() !== "content-length");
  const all: [string, string][] = [...others, ["content-length", String(bytes.byteLength)]];
  const response = createResponse(status, all, piecesOf(bytes));
  session.held++;
  const taken = () => void session.held--;
  info.completed.then(taken, taken);
  return response;
}

function piecesOf(bytes: Uint8Array): ReadableStream<Uint8Array> {
  let at = 0;
  return new ReadableStream({
    pull(controller) {
      controller.enqueue(bytes.subarray(at, at += PIECE_BYTES));
      if (at >= bytes.byteLength) controller.close();
    },
  }, { highWaterMark: 0 });
}
