/**
 * What node:http needs of a Request and fetch does not show: its headers as they came, a body that is
 * here already, and the client's going away without the price of an AbortSignal.
 *
 * Deno's Request keeps all three in its inner request, as ours does (src/thread/request.ts). Where it
 * does not, the public getters serve.
 */

import { IdTable } from "../../protocol/id_table.ts";

interface InnerRequest {
  readonly headerList?: readonly (readonly [string, string])[];
  readonly body?: { readonly streamOrStatic?: unknown } | null;
  onCancel?(callback: () => void): void;
  /** Ours has one. */
  readonly source?: unknown;
}

const INNER = Object.getOwnPropertySymbols(new Request("http://localhost"))
  .find((symbol) => symbol.description === "request");

function innerOf(request: Request): InnerRequest {
  // Deno types none of this.
  return (INNER && (request as unknown as Record<symbol, InnerRequest>)[INNER]) ?? {};
}

/** `[name, value, name, value…]` in the order and the case of the wire, repeated ones repeated. */
export function rawHeadersOf(request: Request): string[] {
  const lines: string[] = [];
  const fields = innerOf(request).headerList ?? request.headers;
  for (const [name, value] of fields) lines.push(name, value);
  return lines;
}

/** The body, where all of it is here: no stream is made for it. Null where it must be read. */
export function wholeBodyOf(request: Request): Uint8Array | null {
  const source = innerOf(request).body?.streamOrStatic as
    | { body?: unknown; consumed?: boolean }
    | undefined;
  if (source?.consumed !== false || !(source.body instanceof Uint8Array)) return null;
  source.consumed = true;
  return source.body;
}

/** Whether there is a body, without making a stream of it. */
export function hasBody(request: Request): boolean {
  const { body } = innerOf(request);
  return body === undefined ? request.body !== null : body !== null;
}

/** How long a request goes unwatched where watching has a price, milliseconds. Most end sooner. */
const WATCH_AFTER_MS = 200;

/** A request that may be watched later. */
interface Unwatched {
  readonly id: number;
  readonly request: Request;
  readonly since: number;
  readonly callback: () => void;
}

const unwatched = new IdTable<Unwatched>();
let lastId = 0;
let sweeper: ReturnType<typeof setInterval> | null = null;

/**
 * Calls back when nobody waits for the response any more. With `threads: 0` the request is Deno's,
 * which makes an asynchronous call for it; so only a request that takes its time is watched. Returns
 * a number for {@linkcode forgetAbort}.
 */
export function onAbort(request: Request, callback: () => void): number {
  const { onCancel, source } = innerOf(request);
  if (onCancel === undefined || source !== undefined) {
    watch(request, callback);
    return 0;
  }
  const id = lastId = lastId % 0x7fffffff + 1;
  unwatched.set(id, { id, request, since: performance.now(), callback });
  sweeper ??= setInterval(sweep, WATCH_AFTER_MS);
  return id;
}

/** The exchange is over. */
export function forgetAbort(id: number): void {
  if (id > 0) unwatched.delete(id);
}

function watch(request: Request, callback: () => void): void {
  const inner = innerOf(request);
  if (inner.onCancel !== undefined) inner.onCancel(callback);
  else if (request.signal.aborted) callback();
  else request.signal.addEventListener("abort", callback, { once: true });
}

function sweep(): void {
  const now = performance.now();
  for (const { id, request, since, callback } of unwatched.values()) {
    if (now - since < WATCH_AFTER_MS) continue;
    unwatched.delete(id);
    watch(request, callback);
  }
  if (unwatched.size > 0 || sweeper === null) return;
  clearInterval(sweeper);
  sweeper = null;
}
