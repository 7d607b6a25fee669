/**
 * The queues of a thread that blocks (WSGI). It never returns to its event loop, so nothing goes to it
 * by message: exchanges come through the common queue (common_queue.ts), and the rest through two rings
 * (byte_ring.ts) and a few shared words. Every record begins with an operation and the exchange's id.
 */

import type { Config } from "../../config/config.ts";
import type { Ring } from "./byte_ring.ts";
import type { CommonQueueMemory } from "./common_queue.ts";

/** Thread to server, through the ring out. After each record a server that sleeps is woken. */
export const WsgiOut = {
  /**
   * The response. Words: number of the head, bytes of the head, and one of {@linkcode WsgiBody}.
   * Bytes: the head, where the number is new (`status\nname\nvalue…`, UTF-8), and the body.
   */
  respond: 1,
  /** More of a streamed response. Bytes. */
  chunk: 2,
  /** The streamed response is complete. */
  end: 3,
  /** It broke off: cut the connection. */
  fail: 4,
  /** The app failed before its response began: answer 500. */
  crashed: 5,
  /** The app begins to read its streamed request body: send it through the ring in. */
  receive: 6,
  /** The app took so many bytes of it. Words: bytes. */
  received: 7,
  /** A record for the error log. Words: index into LEVELS. Bytes: the message. */
  log: 8,
  /** The app makes a WebSocket of it (sockets.ts). Bytes: the subprotocol. */
  upgrade: 9,
} as const;

/** What the body of a response is. */
export const WsgiBody = {
  /** All of it is in the record. */
  bytes: 0,
  /** It follows in records of its own. */
  streamed: 1,
  /**
   * All of it is in the record and is ASCII, with a NUL behind it that is not part of it. The server
   * makes a string of it, which costs Deno less than bytes do.
   */
  ascii: 2,
} as const;

/** Words before the bytes of each record of the ring out. */
export const RESPOND_WORDS = 5;
export const PLAIN_WORDS = 2;
export const VALUE_WORDS = 3;

/** Server to thread, through the ring in. What is for an earlier exchange is to be passed over. */
export const WsgiIn = {
  /** More of a streamed request body. Bytes. */
  chunk: 1,
  /** It is complete. */
  end: 2,
  /** It ends here, incomplete. */
  fail: 3,
} as const;

/** Words that a thread and the server share. */
export const WsgiWord = {
  /** Changes whenever something is new for the thread, which may sleep on it. */
  bell: 0,
  /** Id of the exchange that the thread runs; 0 between two of them. */
  current: 1,
  /** Id of an exchange that nobody waits for any more. */
  aborted: 2,
  /** Bytes of streamed responses that were taken from the thread since its start, modulo 2^32. */
  taken: 3,
  /** Id of the exchange whose body was asked for last. */
  receiving: 4,
  /** Bytes of streamed responses that the thread has sent since its start, modulo 2^32. */
  sent: 5,
  /** One of {@linkcode WsgiGuest}. */
  guest: 6,
  /** 1: a guest waits for the bell, and is woken by a pipe. */
  guestWaits: 7,
} as const;

export const WSGI_WORDS = 8;

/**
 * Guests are threads of Python's that use the queues of a thread that is denicorn's: they have its
 * environ, and cannot call its JS (src/wsgi/python/guest_queues.py).
 */
export const WsgiGuest = {
  none: 0,
  /** One is in the midst of something, under the GIL or about to get it. */
  atWork: 1,
  /** One has been: the rings go on elsewhere. */
  wasHere: 2,
} as const;

export const RING_OUT_BYTES = 1024 * 1024;
export const RING_IN_BYTES = 512 * 1024;
/** Largest piece of a streamed body in one record. */
export const MAX_PIECE_BYTES = 64 * 1024;

/** First message to a thread, by its Worker's postMessage. */
export interface WsgiBoot {
  /** To the server: a number, to wake it; or one of {@linkcode WsgiNews}. */
  readonly port: MessagePort;
  /** The thread's number in its proc, from 1. */
  readonly id: number;
  readonly config: Config;
  /** libpython, which the server has started. */
  readonly library: string;
  readonly queue: CommonQueueMemory;
  readonly ringOut: Ring;
  readonly ringIn: Ring;
  /** {@linkcode WsgiWord}s. */
  readonly words: Int32Array;
}

/** What a thread says of itself. */
export type WsgiNews =
  | { readonly type: "ready" }
  /** The app cannot be loaded. */
  | {
    readonly type: "boot_failed";
    readonly exitCode: number;
    readonly message: string;
    readonly trace: string;
  }
  /** The thread has left, after the last exchange. */
  | { readonly type: "left" }
  /** Asked by a message to run what the app wants to have run at its end, the thread has. */
  | { readonly type: "ended" };
