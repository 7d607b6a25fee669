/** Bodies of any length and kind: `/KIND?LENGTH`. */

import { Buffer } from "node:buffer";

/** What a body of so many bytes holds; no two pieces of it are alike. */
export function pattern(length: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length }, (_, at) => 33 + (at * 7 + (at >> 8)) % 89);
}

const kept = new Map<number, Response>();

const KINDS: Readonly<Record<string, (length: number) => Response>> = {
  bytes: (length) => new Response(pattern(length)),
  fields: (length) => new Response(pattern(length), { headers: { "x-a": "1" } }),
  text: (length) => new Response(new TextDecoder().decode(pattern(length))),
  view: (length) => {
    const large = new Uint8Array(length + 200).fill(1);
    large.set(pattern(length), 100);
    return new Response(large.subarray(100, 100 + length));
  },
  pooled: (length) => {
    const bytes = Buffer.allocUnsafe(length);
    bytes.set(pattern(length));
    return new Response(bytes);
  },
  changed: (length) => {
    const bytes = pattern(length);
    const response = new Response(bytes);
    bytes.fill(0);
    return response;
  },
  changedLater: (length) => {
    const bytes = pattern(length);
    queueMicrotask(() => bytes.fill(0));
    return new Response(bytes);
  },
  detached: (length) => {
    const bytes = pattern(length);
    const response = new Response(bytes);
    structuredClone(bytes, { transfer: [bytes.buffer] });
    return response;
  },
  resizable: (length) => {
    const buffer = new ArrayBuffer(length, { maxByteLength: length + 100 });
    new Uint8Array(buffer).set(pattern(length));
    const response = new Response(buffer);
    buffer.resize(0);
    return response;
  },
  frozen: (length) => new Response(Object.freeze(pattern(length).buffer)),
  cloned: (length) => {
    // As a cache does: one response for ever, of which each request gets a clone.
    const response = kept.get(length) ?? new Response(pattern(length));
    kept.set(length, response);
    return response.clone();
  },
  shared: (length) => {
    const bytes = new Uint8Array(new SharedArrayBuffer(length));
    return new Response(bytes as unknown as BodyInit);
  },
};

export default {
  fetch(request: Request): Response {
    const { pathname, search } = new URL(request.url);
    return KINDS[pathname.slice(1)]!(Number(search.slice(1)));
  },
};
