/** A thread's end of the common queue (common_queue.ts). */

import {
  type CommonQueueMemory,
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
  TAKEN,
  Task,
} from "./common_queue.ts";
import {
  areQuick,
  becomeStandby,
  endQuick,
  hasToken,
  sendThread,
  stepDown,
  takeToken,
} from "./standby.ts";
import { isWishedFor, takeWish } from "./wish.ts";

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
