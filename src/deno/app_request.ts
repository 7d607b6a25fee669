/**
 * The Request that the app gets: a real one of this Deno, built around the head that crossed the
 * queue.
 *
 * Deno's Request keeps an "inner request" from which method, url, headers, body and signal are made
 * when they are asked for; Deno.serve puts its own there. So does this file: constructing is as cheap
 * as there, nothing is parsed that the app does not look at, and every method of Request (clone,
 * json, `new Request(request)`, instanceof) is Deno's own. Where this Deno's Request is built
 * otherwise ({@linkcode REQUESTS_KNOWN}), a Request is constructed in the public way, at a higher cost.
 */

import { streamOf } from "./byte_stream.ts";
import { parseFields } from "../protocol/head.ts";
import { hiddenSymbol, type Untyped } from "./hidden.ts";
import { BODILESS, INNER_REQUEST as INNER } from "./request.ts";

/** What a request asks of the exchange that it belongs to. */
export interface RequestSource {
  readonly head: string;
  /**
   * Whole, or null where there is none, or a stream that is made when it is asked for. That of a GET or
   * a HEAD is not the Request's, which has none, but for who asks {@linkcode hiddenBody}.
   */
  readonly body: Uint8Array | null | (() => ReadableStream<Uint8Array>);
  /** Calls back when nobody waits for the response any more. */
  onAbort(callback: () => void): void;
}

const sample: Untyped = new Request("http://localhost", { method: "POST", body: "" });
const GUARD = hiddenSymbol(sample, "headers guard");
const BRAND = hiddenSymbol(sample, "[[webidl.brand]]");

const brand: unknown = sample[BRAND];
const InnerBody: new (body: unknown) => Untyped = sample[INNER]?.body?.constructor ?? class {};

/** Deno's "inner body", whose stream is one of bytes, as Deno.serve's are, where the body is whole. */
class ByteBody extends InnerBody {
  get stream(): ReadableStream<Uint8Array> {
    const { body, consumed } = this.streamOrStatic;
    if (body !== undefined && !consumed) this.streamOrStatic = streamOf(body);
    return super.stream;
  }
}

/** Deno's "inner request" over a head. */
class InnerRequest {
  readonly #source: RequestSource;
  readonly #methodEnd: number;
  readonly #urlEnd: number;
  #method: string | undefined;
  #headers: [string, string][] | undefined;
  #body: unknown;

  constructor(source: RequestSource) {
    this.#source = source;
    const { head } = source;
    this.#methodEnd = head.indexOf("\n");
    const urlEnd = head.indexOf("\n", this.#methodEnd + 1);
    this.#urlEnd = urlEnd < 0 ? head.length : urlEnd;
  }

  get source(): RequestSource {
    return this.#source;
  }

  get method(): string {
    return this.#method ??= this.#source.head.slice(0, this.#methodEnd);
  }

  url(): string {
    return this.#source.head.slice(this.#methodEnd + 1, this.#urlEnd);
  }

  get headerList(): [string, string][] {
    return this.#headers ??= parseFields(this.#source.head, this.#urlEnd + 1);
  }

  get body(): unknown {
    if (this.#body !== undefined) return this.#body;
    const { body } = this.#source;
    if (body === null || BODILESS.has(this.method)) return this.#body = null;
    return this.#body = new ByteBody(
      typeof body === "function" ? body() : { body, consumed: false },
    );
  }

  onCancel(callback: () => void): void {
    this.#source.onAbort(callback);
  }
}

function createAroundInner(source: RequestSource): Request {
  // With the brand as its argument, Deno's constructor leaves the object for its caller to fill.
  const request: Untyped = new Request(brand as string);
  request[INNER] = new InnerRequest(source);
  request[GUARD] = "immutable";
  return request;
}

/** Where the source is not found in the request. */
const sources = new WeakMap<Request, RequestSource>();

function createPublicly(source: RequestSource): Request {
  const inner = new InnerRequest(source);
  const controller = new AbortController();
  source.onAbort(() => controller.abort());
  const body = BODILESS.has(inner.method) ? null : source.body;
  const request = new Request(inner.url(), {
    method: inner.method,
    headers: inner.headerList,
    body: (typeof body === "function" ? body() : body) as BodyInit,
    signal: controller.signal,
  });
  sources.set(request, source);
  return request;
}

/** What a request was created over; undefined for one that the app has made, a clone for example. */
export function sourceOf(request: Request): RequestSource | undefined {
  const inner: unknown = (request as Untyped)?.[INNER];
  return inner instanceof InnerRequest ? inner.source : sources.get(request);
}

/** The body of a GET or a HEAD that announces one; null of all other requests. */
export function hiddenBody(request: Request): RequestSource["body"] {
  return BODILESS.has(request.method) ? sourceOf(request)?.body ?? null : null;
}

/** Whether this Deno's Request is built as this file expects; checked once, on a real one. */
export const REQUESTS_KNOWN: boolean = (() => {
  try {
    let aborted = false;
    const request = createAroundInner({
      head: "POST\nhttp://localhost/a?b\nX-A\n1\nx-a\n2",
      body: new Uint8Array([104, 105]),
      onAbort: (callback) => callback(),
    });
    request.signal.addEventListener("abort", () => aborted = true);
    const { method, url, headers } = request.clone();
    return request instanceof Request && method === "POST" && url === "http://localhost/a?b" &&
      headers.get("x-a") === "1, 2" && (aborted || request.signal.aborted) &&
      request.body !== null;
  } catch {
    return false;
  }
})();

/** A Request over an exchange's head and body. */
export const createRequest: (source: RequestSource) => Request = REQUESTS_KNOWN
  ? createAroundInner
  : createPublicly;
