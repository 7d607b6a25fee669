/** A request's body as it arrives, within its limits: so large, so slow, and not slower. */

import type { Config } from "../../config/config.ts";
import type { Deadlines, Timed } from "./deadlines.ts";

/** A client may be slower than `body_min_rate` for so long at first, milliseconds. */
const SLOW_START_MS = 5_000;

export type BodyRefusalStatus = 400 | 408 | 413;

/** What Deno's parser says of chunks that are none. */
const MALFORMED = "invalid HTTP/1 request";

/** Why a body is read no further: the status that the client gets if it has none yet. */
export class BodyRefusal extends Error {
  override name = "BodyRefusal";
  readonly status: BodyRefusalStatus;

  constructor(status: BodyRefusalStatus, message: string) {
    super(message);
    this.status = status;
  }
}

/**
 * What a body may take of the connection beside what is read of it, as a factor: chunks as small as a
 * byte each. Session.sentAhead must not blame a client for them.
 */
export const BODY_ALLOWANCE = 8;

/** Who counts the bodies that are under way. */
export interface Uploading {
  uploads: number;
  /** See Session. */
  consumed: number;
}

export type BodyLimits = Pick<Config, "limit_request_body" | "body_timeout" | "body_min_rate">;

export class GuardedBody implements Timed {
  dueAt = Infinity;
  lookAt = -1;

  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #deadlines: Deadlines;
  readonly #maxBytes: number;
  readonly #timeoutMs: number;
  /** Bytes per millisecond. */
  readonly #minRate: number;
  #received = 0;
  #owner: Uploading | null;
  /** How long the client was waited for; the time that the app takes is not its fault. */
  #waitedMs = 0;
  #late = false;

  constructor(
    body: ReadableStream<Uint8Array>,
    limits: BodyLimits,
    deadlines: Deadlines,
    owner: Uploading,
  ) {
    owner.uploads++;
    this.#owner = owner;
    this.#reader = body.getReader();
    this.#deadlines = deadlines;
    this.#maxBytes = limits.limit_request_body || Infinity;
    this.#timeoutMs = limits.body_timeout > 0 ? limits.body_timeout * 1000 : Infinity;
    this.#minRate = limits.body_min_rate / 1000;
  }

  /** The next bytes, null at the end. Throws BodyRefusal. */
  async read(): Promise<Uint8Array | null> {
    const from = performance.now();
    this.#deadlines.set(this, from + Math.min(this.#timeoutMs, this.#patienceMs()));
    let next: ReadableStreamReadResult<Uint8Array>;
    let over = true;
    try {
      next = await this.#reader.read();
      over = next.done;
    } catch (error) {
      this.#end();
      if (this.#late) throw this.#tooSlow();
      // Of a client that has only closed its sending side, the answer is still seen.
      const why = String(error).includes(MALFORMED) ? "is malformed" : "broke off";
      throw new BodyRefusal(400, `its body ${why}`);
    } finally {
      // A body that is over must not stay in the wheel, and with it its buffers, until its slot comes.
      if (over) this.#deadlines.remove(this);
      else this.#deadlines.set(this, Infinity);
    }
    // Given up on: the stream was cancelled, and ends as if it were complete.
    if (next.done) this.#end();
    if (this.#late) throw this.#tooSlow();
    if (next.done) return null;
    this.#waitedMs += performance.now() - from;
    this.#received += next.value.byteLength;
    if (this.#owner !== null) this.#owner.consumed += next.value.byteLength * BODY_ALLOWANCE;
    if (this.#received > this.#maxBytes) {
      this.cancel();
      throw new BodyRefusal(413, `its body is larger than ${this.#maxBytes} bytes`);
    }
    return next.value;
  }

  /** The same as a stream, for who wants one. `onRefused` hears of it before its reader does. */
  stream(onRefused: (refusal: BodyRefusal) => void): ReadableStream<Uint8Array<ArrayBuffer>> {
    return new ReadableStream({
      pull: async (controller) => {
        try {
          const bytes = await this.read();
          if (bytes === null) controller.close();
          else controller.enqueue(bytes as Uint8Array<ArrayBuffer>);
        } catch (error) {
          if (error instanceof BodyRefusal) onRefused(error);
          controller.error(error);
        }
      },
      cancel: () => this.cancel(),
    }, { highWaterMark: 0 });
  }

  /** Nobody wants the rest. */
  cancel(): void {
    this.#end();
    this.#deadlines.remove(this);
    this.#reader.cancel().catch(() => {});
  }

  onDue(): void {
    this.#late = true;
    this.#reader.cancel().catch(() => {});
  }

  #end(): void {
    if (this.#owner !== null) this.#owner.uploads--;
    this.#owner = null;
  }

  /** How much longer the least rate lets the client be waited for. */
  #patienceMs(): number {
    if (this.#minRate === 0) return Infinity;
    return Math.max(0, SLOW_START_MS + this.#received / this.#minRate - this.#waitedMs);
  }

  #tooSlow(): BodyRefusal {
    return new BodyRefusal(408, `its body comes too slowly: ${this.#received} bytes so far`);
  }
}
