/** What the access log will say of one exchange: begun with its head, written with its last byte. */

import type { AccessEntry, Fields } from "../log/access_format.ts";
import type { AccessLog } from "../log/access_log.ts";
import type { RefusalStatus } from "./refusal.ts";
import { refusalBytes } from "./refusal.ts";

/** Made only while there is an access log. */
export class AccessRecord implements AccessEntry {
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

  readonly #log: AccessLog;
  readonly #began = performance.now();

  constructor(
    log: AccessLog,
    method: string,
    url: string,
    http2: boolean,
    remoteHost: string,
    requestFields: Fields,
  ) {
    this.#log = log;
    this.method = method;
    this.url = url;
    // HTTP/1.0 is not told from HTTP/1.1 by what Deno lets see.
    this.protocol = http2 ? "HTTP/2.0" : "HTTP/1.1";
    this.remoteHost = remoteHost;
    this.requestFields = requestFields;
  }

  /** The last byte is out, or the exchange was given up. To be called once. */
  end(status: number, bytes: number, responseFields: Fields): void {
    this.status = status;
    this.bytes = this.method === "HEAD" ? 0 : bytes;
    this.responseFields = responseFields;
    this.durationMs = performance.now() - this.#began;
    this.#log.record(this);
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
