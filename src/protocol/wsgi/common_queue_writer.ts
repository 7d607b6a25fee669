/** The server's end of the common queue (common_queue.ts). */

import {
  BYTES,
  type CommonQueueMemory,
  HURRY,
  LEAVING,
  NO_BODY,
  PUT,
  SERVER_SLEEPS,
  SLOT_AT,
  SLOT_BODY,
  SLOT_HEAD_BYTES,
  SLOT_ID,
  SLOT_KIND,
  SLOT_STATE,
  SLOT_WORDS,
  SLOTS,
  State,
  STREAMED_BODY,
  TAKEN,
  type TaskKind,
} from "./common_queue.ts";
import { beginQuick, endQuick, replaceStandby, rouse, sendThread } from "./standby.ts";
import { wishForRoom } from "./wish.ts";

export class CommonQueueWriter {
  readonly #control: Int32Array;
  readonly #sleepers: Int32Array;
  readonly #slots: Int32Array;
  readonly #bytes: Uint8Array;
  readonly #encoder = new TextEncoder();
  #put = 0;
  /** The oldest slot whose memory is not known to be free again. */
  #oldest = 0;
  /** Bytes handed out and taken back since the beginning. */
  #end = 0;
  #begin = 0;
  /** What #end was after each slot was filled. */
  readonly #ends = new Float64Array(SLOTS);
  /** What TAKEN was at the last look. */
  #seen = 0;

  constructor(memory: CommonQueueMemory) {
    this.#control = memory.control;
    this.#sleepers = memory.sleepers;
    this.#slots = memory.slots;
    this.#bytes = memory.bytes;
  }

  /**
   * Puts an exchange in. Returns its slot, or -1 where there is no room now: then it is to be tried again
   * after the server's next look at the queues out (see {@linkcode CommonQueueReader.isWished}).
   */
  put(id: number, head: string, body: Uint8Array | null | true, kind: TaskKind): number {
    const bodyBytes = body instanceof Uint8Array ? body.length : 0;
    // No character takes more than three bytes in UTF-8; what is not needed is not used up.
    const need = head.length * 3 + bodyBytes;
    let start = this.#reserve(need);
    if (start < 0) {
      wishForRoom(this.#control);
      start = this.#reserve(need);
      if (start < 0) return -1;
    }

    const { written } = this.#encoder.encodeInto(head, this.#bytes.subarray(start, start + need));
    if (body instanceof Uint8Array) this.#bytes.set(body, start + written);
    this.#end += written + bodyBytes;
    const slot = this.#put & (SLOTS - 1);
    this.#ends[slot] = this.#end;
    const row = slot * SLOT_WORDS;
    const slots = this.#slots;
    slots[row + SLOT_ID] = id;
    slots[row + SLOT_AT] = start;
    slots[row + SLOT_HEAD_BYTES] = written;
    slots[row + SLOT_BODY] = body === null ? NO_BODY : body === true ? STREAMED_BODY : bodyBytes;
    slots[row + SLOT_KIND] = kind;
    Atomics.store(slots, row + SLOT_STATE, State.queued);
    this.#put++;
    Atomics.store(this.#control, PUT, this.#put | 0);
    return slot;
  }

  /**
   * Lets the threads know of what was put in. Returns whether the server has to come back to
   * {@linkcode look}: not for one that waits alone and got a thread of its own.
   */
  wake(): boolean {
    // A thread that is the only one has nobody to spare, and does well to look once more.
    const crowd = this.#sleepers.length > 1;
    const quick = crowd && beginQuick(this.#control, Atomics.load(this.#control, TAKEN));
    if (this.waiting === 0) return false;
    const sent = sendThread(this.#control, this.#sleepers);
    return crowd && (!sent || quick && this.waiting > 1);
  }

  /**
   * Sends a thread where something waits and none was taken since the last look; from then on the threads
   * see to each other. Returns whether the server has to come back.
   */
  look(): boolean {
    const control = this.#control;
    const taken = Atomics.load(control, TAKEN);
    const stands = taken === this.#seen;
    this.#seen = taken;
    if (taken === (this.#put | 0)) return false;
    if (!stands) return true;
    endQuick(control, taken);
    replaceStandby(control, this.#sleepers);
    return false;
  }

  /** Takes an exchange back. Returns whether no thread has begun it. */
  revoke(slot: number, id: number): boolean {
    const row = slot * SLOT_WORDS;
    if (this.#slots[row + SLOT_ID] !== id) return false;
    return Atomics.compareExchange(
      this.#slots,
      row + SLOT_STATE,
      State.queued,
      State.revoked,
    ) === State.queued;
  }

  /** Exchanges that no thread has taken; revoked ones among them, until a thread passes them over. */
  get waiting(): number {
    return (this.#put - Atomics.load(this.#control, TAKEN)) | 0;
  }

  /** Those of them that somebody waits for. */
  get wanted(): number {
    const taken = Atomics.load(this.#control, TAKEN);
    let count = 0;
    for (let at = 0; at < this.waiting; at++) {
      const row = ((taken + at) & (SLOTS - 1)) * SLOT_WORDS;
      if (Atomics.load(this.#slots, row + SLOT_STATE) === State.queued) count++;
    }
    return count;
  }

  /** The server is about to wait for a message: see {@linkcode CommonQueueReader.serverSleeps}. */
  sleep(): void {
    Atomics.store(this.#control, SERVER_SLEEPS, 1);
  }

  /** Ends the threads' waiting once nothing is left to take. */
  leave(): void {
    Atomics.store(this.#control, LEAVING, 1);
    for (let i = 0; i < this.#sleepers.length; i++) rouse(this.#sleepers, i);
  }

  /** Has Python wait no longer for what the app has begun. */
  hurry(): void {
    Atomics.store(this.#control, HURRY, 1);
  }

  /** Returns where so many bytes are free, or -1 where they are not, or no slot is. */
  #reserve(need: number): number {
    this.#reclaim();
    if (this.#put - this.#oldest === SLOTS) return -1;
    const start = this.#end & (BYTES - 1);
    const skipped = start + need > BYTES ? BYTES - start : 0;
    if (this.#end + skipped + need - this.#begin > BYTES) return -1;
    this.#end += skipped;
    return skipped > 0 ? 0 : start;
  }

  #reclaim(): void {
    while (this.#oldest < this.#put) {
      const slot = this.#oldest & (SLOTS - 1);
      if (Atomics.load(this.#slots, slot * SLOT_WORDS + SLOT_STATE) !== State.free) return;
      this.#begin = this.#ends[slot]!;
      this.#oldest++;
    }
    // Nothing is left: the same memory, warm in the caches, serves again.
    this.#begin = this.#end = 0;
  }
}
