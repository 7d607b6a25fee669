/** What is told of one exchange, to the access log and to hooks: begun with its head, over with its last byte. */

import type { AccessEntry, Fields } from "../../log/access_format.ts";
import type { RefusalStatus } from "../edge/refusal.ts";
import { refusalBytes } from "../edge/refusal.ts";

/** Who is told of exchanges. */
export interface ExchangeObserver {
  /** The head has come. */
  begin?(record: AccessRecord): void;
  /** The last byte is out. */
  record(record: AccessRecord): void;
}

/** Tells all of them; null where there are none, so that an exchange costs one comparison. */
export function observers(all: readonly (ExchangeObserver | null)[]): ExchangeObserver | null {
  const [first, ...rest] = all.filter((observer) => observer !== null);
  if (first === undefined || rest.length === 0) return first ?? null;
  return {
    begin: (record) => [first, ...rest].forEach((observer) => observer.begin?.(record)),
    record: (record) => [first, ...rest].forEach((observer) => observer.record(record)),
  };
}

let lastId = 0;

/** Made only while somebody is told of it. */
export class AccessRecord implements AccessEntry {
  /** Tells the exchanges of a proc apart. */
  readonly id = ++lastId;
  readonly method: string;
  readonly url: string;
  readonly protocol: string;
  /** The client, as trusted proxies tell. */
  readonly remoteHost: string;
  readonly requestFields: Fields;
  readonly startedAt = Date.now();
  status = 0;
  bytes = 0;
  durationMs = 0;
  responseFields: Fields = [];

  readonly #observer: ExchangeObserver;
  readonly #began = performance.now();

  constructor(
    observer: ExchangeObserver,
    method: string,
    url: string,
    http2: boolean,
    remoteHost: string,
    requestFields: Fields,
  ) {
    this.#observer = observer;
    this.method = method;
    this.url = url;
    // HTTP/1.0 is not told from HTTP/1.1 by what Deno lets see.
    this.protocol = http2 ? "HTTP/2.0" : "HTTP/1.1";
    this.remoteHost = remoteHost;
    this.requestFields = requestFields;
    observer.begin?.(this);
  }

  /** The last byte is out, or the exchange was given up. To be called once. */
  end(status: number, bytes: number, responseFields: Fields): void {
    this.status = status;
    this.bytes = this.method === "HEAD" ? 0 : bytes;
    this.responseFields = responseFields;
    this.durationMs = performance.now() - this.#began;
    this.#observer.record(this);
  }

  /** The server answered by itself. */
  refused(status: RefusalStatus): void {
    this.end(status, refusalBytes(status), []);
  }
}

const encoder = new TextEncoder();

/** How many bytes a body has that is known whole. */
export function lengthOf(body: string | Uint8Array): number {
  if (typeof body !== "string") return body.byteLength;
  // In ASCII a character is a byte.
  return /^[\0-\x7f]*$/.test(body) ? body.length : encoder.encode(body).byteLength;
}
