/**
 * What Deno's Request holds and does not show: its head as it came (wire order, duplicates kept, no
 * Headers object) and a body that is here already. Cheaper than the public ways, which are used where
 * Deno is not built so.
 */

import { streamOf } from "./byte_stream.ts";
import type { Field } from "../protocol/head.ts";
import { hiddenSymbol, internalsKnown, type Untyped } from "./hidden.ts";

interface InnerBody {
  readonly streamOrStatic: ReadableStream<Uint8Array> | { body: Uint8Array; consumed: boolean };
}

interface InnerRequest {
  readonly method: string;
  readonly headerList: [string, string][];
  readonly body: InnerBody | null;
  /** null where not all of it has come. */
  consumeTextBody(): string | null;
  url(): string;
}

/** Under it a Request keeps its inner one: Deno's where the server got it, ours in a thread. */
export const INNER_REQUEST = hiddenSymbol(new Request("http://localhost"), "request");

const innerRequest = (request: Request): InnerRequest => (request as Untyped)[INNER_REQUEST];

/** Methods of requests without a body in the Fetch standard; beside CONNECT, which is refused. */
export const BODILESS: ReadonlySet<string> = new Set(["GET", "HEAD"]);

/** Of any Request, be it one that an app has made, or where no probe has run: in a thread. */
const innerOf = (request: Request): Partial<InnerRequest> =>
  (request as Untyped)[INNER_REQUEST] ?? {};

/** The header fields as they came: names in the case of the wire (h2: lower), repeated ones repeated. */
export function headerList(request: Request): [string, string][] {
  return internalsKnown ? innerRequest(request).headerList : [...request.headers];
}

/** As {@linkcode headerList}, of any Request. */
export function fieldsOf(request: Request): Iterable<Field> {
  return innerOf(request).headerList ?? request.headers;
}

/** The method, as on the wire. */
export function requestMethod(request: Request): string {
  return internalsKnown ? innerRequest(request).method : request.method;
}

/**
 * The URL as Deno puts it together, not parsed: scheme, host (the Host field, `:authority`, or that
 * of an absolute-form target) and target.
 */
export function requestUrl(request: Request): string {
  return internalsKnown ? innerRequest(request).url() : request.url;
}

/**
 * The request's body as far as it is here: null where there is none, bytes where all of it came with
 * the head, else a stream.
 */
export function requestBody(request: Request): Uint8Array | ReadableStream<Uint8Array> | null {
  if (!internalsKnown) return request.body;
  const body = innerRequest(request).body;
  if (body === null) return null;
  const source = body.streamOrStatic;
  if (!("body" in source)) return request.body;
  source.consumed = true;
  return source.body;
}

/**
 * As {@linkcode requestBody}, of a request whose head announces a body: of a GET and a HEAD too. They
 * have none in the Fetch standard, so that Deno shows it only where it takes them for something else.
 */
export function announcedBody(
  request: Request,
): Uint8Array | ReadableStream<Uint8Array> | null {
  if (internalsKnown && BODILESS.has(requestMethod(request))) {
    const inner: Untyped = innerRequest(request);
    Object.defineProperty(inner, "method", { value: "POST", configurable: true });
    void inner.body; // Deno keeps what it finds
    delete inner.method;
  }
  return requestBody(request);
}

/** As {@linkcode announcedBody}, as a stream in any case. */
export function announcedStream(request: Request): ReadableStream<Uint8Array> | null {
  const body = announcedBody(request);
  return body instanceof Uint8Array ? streamOf(body) : body;
}

/** The request's body where it is still under way; null where there is none, or all of it is here. */
export function streamedBody(request: Request): ReadableStream<Uint8Array> | null {
  if (!internalsKnown) return request.body;
  const body = innerRequest(request).body;
  return body === null || "body" in body.streamOrStatic ? null : request.body;
}

/** Bytes of the request's body; -1 where some of it is under way. Takes nothing of it. */
export function bodyBytesHere(request: Request): number {
  if (!internalsKnown) return -1;
  const source = innerRequest(request).body?.streamOrStatic;
  if (source === undefined) return 0;
  return "body" in source ? source.body.byteLength : -1;
}

/**
 * Takes the request's body if all of it has come, to be thrown away. False where some is under way:
 * Deno then reads the rest, after the response, and closes. Of a GET it shows no body, even where
 * there is one, so that false is the answer that can do no harm.
 */
export function isBodyHere(request: Request): boolean {
  if (!internalsKnown) return false;
  const inner = innerRequest(request);
  return inner.method !== "GET" && inner.method !== "HEAD" && inner.consumeTextBody() !== null;
}

/** Whether any Request has a body, without making a stream of it. */
export function hasBody(request: Request): boolean {
  const { body } = innerOf(request);
  return body === undefined ? request.body !== null : body !== null;
}

/**
 * Takes the body of any Request, where all of it is here and unused: no stream is made for it. Null
 * where it must be read.
 */
export function takeBodyHere(request: Request): Uint8Array | null {
  const source = innerOf(request).body?.streamOrStatic as
    | { body?: unknown; consumed?: boolean }
    | undefined;
  if (source?.consumed !== false || !(source.body instanceof Uint8Array)) return null;
  source.consumed = true;
  return source.body;
}

/**
 * Makes an upgrade possible on a unix socket: for that Deno looks up where the request came from, and
 * fails where it does not know the listener.
 */
export function repairUnixUpgrade(request: Request): void {
  if (!internalsKnown) return;
  const value = { transport: "unix", path: "" };
  Object.defineProperty(innerRequest(request), "remoteAddr", { value });
}
