/** Answers that the server gives by itself, without the app: one table of statuses. */

import { createResponse } from "../../deno/response.ts";

/** Seconds a client is asked to wait after a 503 (RFC 9110, 10.2.3). */
const RETRY_AFTER_S = 1;

/** Status and the one line that the client sees; nothing of the app or the proc goes in. */
const REFUSALS = {
  400: "Bad Request",
  403: "Forbidden",
  408: "Request Timeout",
  413: "Content Too Large",
  414: "URI Too Long",
  417: "Expectation Failed",
  421: "Misdirected Request",
  426: "Upgrade Required",
  431: "Request Header Fields Too Large",
  500: "Internal Server Error",
  501: "Not Implemented",
  503: "Service Unavailable",
  504: "Gateway Timeout",
  505: "HTTP Version Not Supported",
} as const;

export type RefusalStatus = keyof typeof REFUSALS;

/** Statuses after which the connection's state is not to be trusted: it is closed. */
const CLOSING: ReadonlySet<RefusalStatus> = new Set([
  400,
  403,
  408,
  413,
  414,
  417,
  421,
  426,
  431,
  501,
]);

/** For the access log alone: nobody listens any more. nginx's number. */
export const CLIENT_GONE = 499;

/** What is answered where nobody listens. */
export function answerNobody(): Response {
  return createResponse(CLIENT_GONE, [], null);
}

/** Length of the body of such a response. */
export function refusalBytes(status: RefusalStatus): number {
  return REFUSALS[status].length + 1;
}

/** A response of the server's own. */
export function refuse(status: RefusalStatus): Response {
  const headers: [string, string][] = [["content-type", "text/plain;charset=UTF-8"]];
  if (status === 503) headers.push(["retry-after", String(RETRY_AFTER_S)]);
  if (status === 426) headers.push(["upgrade", "websocket"], ["sec-websocket-version", "13"]);
  if (CLOSING.has(status)) headers.push(["connection", "close"]);
  return createResponse(status, headers, `${REFUSALS[status]}\n`);
}
