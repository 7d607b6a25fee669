/**
 * The beginning of a streamed response, held for as long as its server reads on in the ring out: where
 * the end is in the ring already it is answered as a whole, which spares a stream and its signal (most
 * of what a generator of one short block costs). Nothing waits for it: what has no end yet when the ring
 * is empty becomes a stream at once (PEP 3333, "Buffering and Streaming").
 */

import { joinBytes } from "../../protocol/bytes.ts";
import type { Exchange } from "../exchange/exchange.ts";

/** What is larger is better off as a stream. */
const MAX_HELD_BYTES = 64 * 1024;

/** The exchange that is answered. */
type Answered = Pick<Exchange, "respond" | "chunk" | "end">;

export class HeldResponse {
  #exchange: Answered | null = null;
  #status = 0;
  #fields: [string, string][] = [];
  #chunks: Uint8Array[] = [];
  #bytes = 0;

  begin(exchange: Answered, status: number, fields: [string, string][]): void {
    this.release();
    this.#status = status;
    this.#fields = fields;
    this.#exchange = exchange;
    // A length that the app gave is kept to where the body is a stream.
    if (fields.some(([name]) => name === "content-length")) this.release();
  }

  chunk(exchange: Answered, bytes: Uint8Array): void {
    if (this.#exchange !== exchange) return exchange.chunk(bytes);
    this.#chunks.push(bytes);
    this.#bytes += bytes.length;
    if (this.#bytes > MAX_HELD_BYTES) this.release();
  }

  end(exchange: Answered): void {
    // Without a block it answers a HEAD: a length of 0 would be wrong.
    if (this.#exchange !== exchange || this.#bytes === 0) {
      this.release();
      return exchange.end();
    }
    const body = this.#chunks.length === 1
      ? this.#chunks[0]!
      : joinBytes(this.#chunks, this.#bytes);
    exchange.respond(this.#status, this.#fields, body, 0);
    this.#forget();
  }

  /** Hands on what is held, as a stream. */
  release(): void {
    const exchange = this.#exchange;
    if (exchange === null) return;
    const chunks = this.#chunks;
    this.#forget();
    exchange.respond(this.#status, this.#fields, true, 0);
    for (const chunk of chunks) exchange.chunk(chunk);
  }

  #forget(): void {
    this.#exchange = null;
    this.#chunks = [];
    this.#bytes = 0;
  }
}
