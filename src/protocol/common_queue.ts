/**
 * The queue in of threads that block (WSGI): one queue for all threads of a proc, in shared memory.
 *
 * Whichever thread is free takes the oldest exchange, so that none waits behind one that sleeps while
 * another thread could run it. A thread that finds nothing sleeps on a futex (Atomics.wait).
 *
 * Which thread is woken when is standby.ts's; what becomes of those that find no room, wish.ts's.
 */

import {
  areQuick,
  becomeStandby,
  beginQuick,
  endQuick,
  hasToken,
  replaceStandby,
  rouse,
  sendThread,
  stepDown,
  takeToken,
} from "./standby.ts";
import { isWishedFor, takeWish, wishForRoom } from "./wish.ts";

/** Memory of the queue; crosses to a thread by postMessage. */
export interface CommonQueueMemory {
  readonly control: Int32Array;
  /** A word for each thread, which sleeps on it: whether it does. */
  readonly sleepers: Int32Array;
  /** A row of words for each slot; see SLOT_*. */
  readonly slots: Int32Array;
  /** Heads and whole bodies. */
  readonly bytes: Uint8Array;
}

/** Control words: exchanges taken and put in, modulo 2^32. Those of standby.ts and wish.ts are beside them. */
const TAKEN = 0;
const PUT = 1;
/** The server waits for a message before it looks at the queues out. Python knows it too (socket_ring.py). */
const SERVER_SLEEPS = 4;
const LEAVING = 5;
const CONTROL_WORDS = 9;

/** What a thread is to do with what it takes. */
export const Task = {
  /** A request: head and body are its own. */
  exchange: 0,
  /** A request that asks for a WebSocket. */
  upgrade: 1,
  /** Callbacks of a WebSocket; see protocol/wsgi_sockets.ts. */
  socket: 2,
} as const;

export type TaskKind = (typeof Task)[keyof typeof Task];

/** Words of a slot. Body: its bytes, or one of {@linkcode NO_BODY} and {@linkcode STREAMED_BODY}. */
const SLOT_STATE = 0;
const SLOT_ID = 1;
const SLOT_AT = 2;
const SLOT_HEAD_BYTES = 3;
const SLOT_BODY = 4;
const SLOT_KIND = 5;
const SLOT_WORDS = 8;

const State = { free: 0, queued: 1, taken: 2, revoked: 3 } as const;

export const NO_BODY = -1;
export const STREAMED_BODY = -2;

/** Exchanges that fit into shared memory; the server holds on to more of them by itself. */
const SLOTS = 256;
const BYTES = 1024 * 1024;

export function createCommonQueue(threads: number): CommonQueueMemory {
  const words = (count: number) => new Int32Array(new SharedArrayBuffer(count * 4));
  const memory = {
    control: words(CONTROL_WORDS),
    sleepers: words(threads),
    slots: words(SLOTS * SLOT_WORDS),
    bytes: new Uint8Array(new SharedArrayBuffer(BYTES)),
  };
  Atomics.store(memory.control, SERVER_SLEEPS, 1);
  return memory;
}

/** The server's end. */
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

/** A thread's end. */
export class CommonQueueReader {
  readonly bytes: Uint8Array;
  /** Of the exchange that was taken last: its number, where its head begins, and what follows it. */
  id = 0;
  at = 0;
  headBytes = 0;
  body: number = NO_BODY;
  kind: number = Task.exchange;
  readonly #control: Int32Array;
  readonly #sleepers: Int32Array;
  readonly #thread: number;
  readonly #slots: Int32Array;
  #state = 0;
  /** This thread, at work, is the standby. */
  #stands = false;

  /** `thread`: which one of the queue's, from 0. */
  constructor(memory: CommonQueueMemory, thread: number) {
    this.#control = memory.control;
    this.#sleepers = memory.sleepers;
    this.#thread = thread;
    this.#slots = memory.slots;
    this.bytes = memory.bytes;
  }

  /** Sleeps until there may be something to take. Returns false when the proc leaves. */
  wait(): boolean {
    const control = this.#control;
    const sleepers = this.#sleepers;
    const thread = this.#thread;
    for (;;) {
      if (Atomics.load(control, LEAVING) === 1) return !this.empty;
      if (takeToken(control)) return true;
      Atomics.store(sleepers, thread, 1);
      if (!hasToken(control) && Atomics.load(control, LEAVING) === 0) {
        Atomics.wait(sleepers, thread, 1);
      }
      Atomics.store(sleepers, thread, 0);
    }
  }

  /** The thread is where it can run what it takes. */
  arrive(): void {
    if (areQuick(this.#control)) this.#stands = true;
    else this.#stepDown();
  }

  #stepDown(): void {
    this.#stands = false;
    stepDown(this.#control);
  }

  get empty(): boolean {
    return Atomics.load(this.#control, TAKEN) === Atomics.load(this.#control, PUT);
  }

  /** Takes the oldest exchange. Returns false where there is none. */
  take(): boolean {
    const control = this.#control;
    const slots = this.#slots;
    for (;;) {
      const taken = Atomics.load(control, TAKEN);
      if (taken === Atomics.load(control, PUT)) {
        if (!this.#stands) return false;
        this.#stepDown();
        continue;
      }
      const row = (taken & (SLOTS - 1)) * SLOT_WORDS;
      if (Atomics.compareExchange(control, TAKEN, taken, (taken + 1) | 0) !== taken) continue;
      const state = row + SLOT_STATE;
      if (Atomics.compareExchange(slots, state, State.queued, State.taken) !== State.queued) {
        // Revoked: nobody waits for it any more.
        Atomics.store(slots, state, State.free);
        continue;
      }
      this.#state = state;
      this.id = slots[row + SLOT_ID]!;
      this.at = slots[row + SLOT_AT]!;
      this.headBytes = slots[row + SLOT_HEAD_BYTES]!;
      this.body = slots[row + SLOT_BODY]!;
      this.kind = slots[row + SLOT_KIND]!;
      return true;
    }
  }

  /** Gives the memory of what was taken back, once it has been read. */
  release(): void {
    Atomics.store(this.#slots, this.#state, State.free);
  }

  /**
   * Whether the server is to be told of room: asked after memory was given back, and where there is nothing
   * to take, since what was passed over has been given back too. True once for each wish.
   */
  isWished(): boolean {
    const control = this.#control;
    return isWishedFor(control) && this.empty && takeWish(control);
  }

  /**
   * Before the thread runs something that may block: whatever waits gets another thread, unless calls
   * are quick.
   */
  callCompany(): void {
    const control = this.#control;
    if (areQuick(control)) {
      this.#stands ||= becomeStandby(control);
      return;
    }
    if (this.#stands) this.#stepDown();
    if (this.#sleepers.length > 1 && !this.empty) sendThread(control, this.#sleepers);
  }

  /** Calls take long, or block. */
  slow(): void {
    endQuick(this.#control, Atomics.load(this.#control, TAKEN));
  }

  /** Whether the server has to be woken by a message. Asked after something was written for it. */
  serverSleeps(): boolean {
    return Atomics.load(this.#control, SERVER_SLEEPS) === 1 &&
      Atomics.exchange(this.#control, SERVER_SLEEPS, 0) === 1;
  }
}
