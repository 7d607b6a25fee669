/**
 * What node:http needs of a Request and fetch does not show: its headers as they came, a body that is
 * here already, and the client's going away without the price of an AbortSignal.
 *
 * Deno's Request keeps all three in its inner request, as ours does (src/thread/request.ts). Where it
 * does not, the public getters serve.
 */

interface InnerRequest {
  readonly headerList?: readonly (readonly [string, string])[];
  readonly body?: { readonly streamOrStatic?: unknown } | null;
  onCancel?(callback: () => void): void;
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

/** Calls back when nobody waits for the response any more. */
export function onAbort(request: Request, callback: () => void): void {
  const inner = innerOf(request);
  if (typeof inner.onCancel === "function") inner.onCancel(callback);
  else if (request.signal.aborted) callback();
  else request.signal.addEventListener("abort", callback, { once: true });
}
