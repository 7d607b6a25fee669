/** A request's body as it arrives, within its limits: so large, so slow, and not slower. */

import { endBytes, giveBytes } from "../../deno/byte_stream.ts";
import { joinBytes } from "../../protocol/bytes.ts";
import type { Config } from "../../config/config.ts";
import { limitMs } from "../../config/limit_ms.ts";
import { setImmediate } from "node:timers";
import type { Deadlines, Timed } from "./deadlines.ts";

/** A client may be slower than `body_min_rate` for so long at first, milliseconds. */
const SLOW_START_MS = 5_000;

/**
 * Deno hands out one chunk for each read, and the reads of what has come already leave no time for
 * anything else: 4 MB of chunks of a byte held up a proc for half a minute. Behind some small pieces
 * in a row, those that follow at once are put together, and the event loop gets its turn.
 */
const SMALL_PIECE_BYTES = 1_024;
const SMALL_PIECES_IN_A_ROW = 8;
/** A piece that took longer to come was not in Deno's hand yet: its client is slow. Milliseconds. */
const PROMPT_MS = 50;
/** Pieces are gathered for so long, milliseconds: each read takes longer the more Deno has in hand. */
const GATHER_MS = 2;

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

type Piece = ReadableStreamReadResult<Uint8Array>;

/** Who counts the bodies that are under way. */
export interface Uploading {
  uploads: number;
  /** See Session. */
  consumed: number;
  /** Those whose next bytes are waited for. */
  waiting: number;
  /** Closes the connection now. */
  cut(): void;
}

/** What becomes of a body that is read as a stream. */
export interface BodyEvents {
  /** More of it is here. */
  onProgress(): void;
  /** It is read no further. */
  onRefused(refusal: BodyRefusal): void;
}

export type BodyLimits = Pick<Config, "limit_request_body" | "body_timeout" | "body_min_rate">;

export class GuardedBody implements Timed {
  dueAt = Infinity;
  lookAt = -1;
  lookPlace = -1;

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
  #abandoned = false;
  #waits = false;
  /** Small pieces since the last larger one. */
  #small = 0;
  /** Asked for already. */
  #pending: Promise<Piece> | null = null;

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
    this.#timeoutMs = limitMs(limits.body_timeout);
    this.#minRate = limits.body_min_rate / 1000;
  }

  /** The next bytes, null at the end. Throws BodyRefusal. */
  async read(): Promise<Uint8Array | null> {
    // Not as a body that is complete: an app that reads so late would take a part for the whole.
    if (this.#abandoned) throw new Error("The body was given up: the request is answered");
    const from = performance.now();
    this.#deadlines.set(this, from + Math.min(this.#timeoutMs, this.#patienceMs()));
    let next: Piece;
    let over = true;
    this.#wait(true);
    try {
      next = await (this.#pending ?? this.#reader.read());
      this.#pending = null;
      over = next.done;
    } catch (error) {
      this.#giveUp();
      if (this.#late) throw this.#tooSlow();
      // Of a client that has only closed its sending side, the answer is still seen.
      const why = String(error).includes(MALFORMED) ? "is malformed" : "broke off";
      throw new BodyRefusal(400, `its body ${why}`);
    } finally {
      this.#wait(false);
      // A body that is over must not stay in the wheel, and with it its buffers, until its slot comes.
      if (over) this.#deadlines.remove(this);
      else this.#deadlines.set(this, Infinity);
    }
    if (next.done) this.#end();
    // onDue() has cancelled the stream, which then ends as if it were complete.
    if (this.#late) throw this.#tooSlow();
    if (next.done) return null;
    const waitedMs = performance.now() - from;
    this.#waitedMs += waitedMs;
    let bytes = next.value;
    const small = bytes.byteLength < SMALL_PIECE_BYTES && waitedMs < PROMPT_MS;
    this.#small = small ? this.#small + 1 : 0;
    if (this.#small > SMALL_PIECES_IN_A_ROW) bytes = await this.#gather(bytes);
    this.#received += bytes.byteLength;
    if (this.#owner !== null) this.#owner.consumed += bytes.byteLength * BODY_ALLOWANCE;
    if (this.#received > this.#maxBytes) {
      this.cancel();
      throw new BodyRefusal(413, `its body is larger than ${this.#maxBytes} bytes`);
    }
    return bytes;
  }

  /** The piece, with those that follow before the event loop's next turn; returns after that. */
  async #gather(first: Uint8Array): Promise<Uint8Array> {
    const pieces = [first];
    const turn = new Promise<null>((resolve) => setImmediate(() => resolve(null)));
    for (const end = performance.now() + GATHER_MS; performance.now() < end;) {
      this.#pending ??= this.#reader.read();
      // Of an error the next read() tells.
      const next = await Promise.race([this.#pending, turn]).catch(() => null);
      if (next === null || next.done) break;
      this.#pending = null;
      pieces.push(next.value);
    }
    await turn;
    return joinBytes(pieces);
  }

  /** The same as a stream of bytes, for who wants one. Its events come before its reader hears of them. */
  stream({ onProgress, onRefused }: BodyEvents): ReadableStream<Uint8Array<ArrayBuffer>> {
    return new ReadableStream({
      type: "bytes",
      pull: async (controller) => {
        try {
          // A pull() that enqueues nothing is not called again.
          let bytes = await this.read();
          while (bytes?.byteLength === 0) bytes = await this.read();
          if (bytes === null) return endBytes(controller);
          onProgress();
          giveBytes(controller, bytes);
        } catch (error) {
          if (error instanceof BodyRefusal) onRefused(error);
          controller.error(error);
        }
      },
      cancel: () => this.cancel(),
    });
  }

  /**
   * The request is answered: the rest is given up, unless somebody waits for it just now. Until then
   * Deno would read no further request of the connection, nor close it.
   */
  abandon(): void {
    if (this.#waits || this.#owner === null) return;
    this.#abandoned = true;
    this.cancel();
  }

  /**
   * As {@linkcode abandon}, behind a streamed response of HTTP/1, whose head has said already that the
   * connection ends. If the rest were cancelled now Deno would close at once, with bytes unread, and then
   * the kernel throws away what the client has yet to take of the response (RFC 9112, 9.6). So that is to
   * follow by cancel(). Returns whether there is a rest.
   */
  leave(): boolean {
    if (this.#waits || this.#owner === null) return false;
    this.#abandoned = true;
    this.#deadlines.remove(this);
    this.#end();
    return true;
  }

  /** Nobody wants the rest. */
  cancel(): void {
    this.#giveUp();
    this.#deadlines.remove(this);
    this.#reader.cancel().catch(() => {});
  }

  onDue(): void {
    this.#late = true;
    if (this.#small > SMALL_PIECES_IN_A_ROW) this.#owner?.cut();
    this.#reader.cancel().catch(() => {});
  }

  #wait(waits: boolean): void {
    if (this.#owner === null || this.#waits === waits) return;
    this.#waits = waits;
    this.#owner.waiting += waits ? 1 : -1;
  }

  /**
   * Ends it before its end. Of a body in small pieces Deno would go through all that it has, piece by
   * piece and in one go, before anything else: then it is the connection that ends.
   */
  #giveUp(): void {
    if (this.#small > SMALL_PIECES_IN_A_ROW) this.#owner?.cut();
    this.#end();
  }

  #end(): void {
    this.#wait(false);
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
