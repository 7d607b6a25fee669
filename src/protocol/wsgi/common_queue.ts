/**
 * The queue in of threads that block (WSGI): one queue for all threads of a proc, in shared memory.
 *
 * Whichever thread is free takes the oldest exchange, so that none waits behind one that sleeps while
 * another thread could run it. A thread that finds nothing sleeps on a futex (Atomics.wait).
 *
 * Here is how its memory is laid out; common_queue_writer.ts is the server's end, common_queue_reader.ts a
 * thread's. Which thread is woken when is standby.ts's; what becomes of those that find no room, wish.ts's.
 */

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
export const TAKEN = 0;
export const PUT = 1;
/** The server waits for a message before it looks at the queues out. Python knows it too (socket_ring.py). */
export const SERVER_SLEEPS = 4;
export const LEAVING = 5;
/** 1: the app is to end at once, which has been given longer (python/socket_ring.py). */
export const HURRY = 9;

const CONTROL_WORDS = 10;

/** What a thread is to do with what it takes. */
export const Task = {
  /** A request: head and body are its own. */
  exchange: 0,
  /** A request that asks for a WebSocket. */
  upgrade: 1,
  /** Callbacks of a WebSocket; see protocol/wsgi/sockets.ts. */
  socket: 2,
} as const;

export type TaskKind = (typeof Task)[keyof typeof Task];

/** Words of a slot. Body: its bytes, or one of {@linkcode NO_BODY} and {@linkcode STREAMED_BODY}. */
export const SLOT_STATE = 0;
export const SLOT_ID = 1;
export const SLOT_AT = 2;
export const SLOT_HEAD_BYTES = 3;
export const SLOT_BODY = 4;
export const SLOT_KIND = 5;
export const SLOT_WORDS = 8;

export const State = { free: 0, queued: 1, taken: 2, revoked: 3 } as const;

export const NO_BODY = -1;
export const STREAMED_BODY = -2;

/** Exchanges that fit into shared memory; the server holds on to more of them by itself. */
export const SLOTS = 256;
export const BYTES = 1024 * 1024;

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
