/**
 * The queues between the server and one thread: two directions of one MessageChannel.
 *
 * A message is one flat array that holds many operations one after another: an operation code, then
 * its operands, always in the number and order given here. Flat, because nested arrays and objects
 * cost several times as much to clone; many at once, because a message costs more than what is in it.
 * A head is one string for the same reason: one long string crosses cheaper than thirty short ones.
 *
 * Bodies: none (`null`), whole (a string or a Uint8Array of its own buffer), or streamed (`true`),
 * and then in chunks under credit: neither side posts more than {@linkcode STREAM_WINDOW_BYTES} that
 * the other has not asked for, since postMessage itself has no bound.
 */

import type { Config } from "../../config/config.ts";

/** Bytes of a streamed body that may be under way in a queue, for each exchange and direction. */
export const STREAM_WINDOW_BYTES = 256 * 1024;

/** A request body of a known length up to this is gathered by the server and crosses whole. */
export const MAX_WHOLE_BODY_BYTES = 64 * 1024;

/** Bytes of WebSocket messages that may be under way in a queue, for each socket and direction. */
export const SOCKET_WINDOW_BYTES = 1024 * 1024;

/** What a message counts for on its way to the app, beside its length: empty ones are bounded too. */
export const SOCKET_MESSAGE_COST = 64;

/** Bytes of a binary message from which its buffer is moved instead of copied. */
export const SOCKET_TRANSFER_BYTES = 16 * 1024;

/** Server to thread. */
export const QueueIn = {
  /**
   * A new exchange. Operands: id, head, remote host, remote port, body, slot.
   * Head: `METHOD\nURL\nname\nvalue\nname\nvalue…`: names in lower case, values as latin-1 strings;
   * Host first, the rest in the order of the wire, repeated ones repeated. URL: absolute.
   * Remote host: "" for a unix socket. Remote port: 0 where it is not known (a proxy seldom tells).
   * Slot: index into the claims (see {@linkcode Claim}), or -1 where nothing is claimed.
   */
  exchange: 1,
  /** More of a streamed request body. Operands: id, bytes. */
  bodyChunk: 2,
  /** The request body is complete. Operands: id. */
  bodyEnd: 3,
  /** The request body ends here, incomplete. Operands: id, message. */
  bodyFail: 4,
  /** The client took this many bytes of the streamed response. Operands: id, bytes. */
  credit: 5,
  /** Nobody waits for this exchange any more. Operands: id, reason (an {@linkcode AbortReason}). */
  abort: 6,
  /** The response was sent (or not). Operands: id, 1 or 0. Only where the response asked for it. */
  completed: 7,
  /** Answer with a pong. Operands: number. */
  ping: 8,
  // From here on: of WebSockets. Who tells them from those of exchanges compares with the first one.
  /** The WebSocket of this exchange is open. Operands: id. */
  socketOpen: 9,
  /** A message of the client. Operands: id, string. */
  socketText: 10,
  /** A message of the client. Operands: id, ArrayBuffer. */
  socketBinary: 11,
  /** The client took this many bytes of what was sent. Operands: id, bytes. */
  socketSent: 12,
  /** The WebSocket is closed. Operands: id, code, reason, 1 if cleanly else 0, error or "". */
  socketClosed: 13,
} as const;

/** Thread to server. */
export const QueueOut = {
  /**
   * The response. Operands: id, status, header, body, flags ({@linkcode RespondFlag}).
   * Header: `name\nvalue\nname\nvalue…`, latin-1 strings.
   */
  respond: 1,
  /** More of a streamed response. Operands: id, bytes. */
  chunk: 2,
  /** The streamed response is complete. Operands: id. */
  end: 3,
  /** The streamed response broke off: cut the connection. Operands: id. */
  fail: 4,
  /** The app took this many bytes of the streamed request body. Operands: id, bytes. */
  credit: 5,
  /** The app threw, rejected or returned no response: answer 500. Operands: id. */
  crashed: 6,
  /** Operands: the ping's number. */
  pong: 7,
  /** A record for the error log. Operands: level, message. */
  log: 8,
  /** The app is loaded. Operands: none. */
  ready: 9,
  /** The app cannot be loaded. Operands: exit code, message, trace. */
  bootFailed: 10,
  /** The app asked for the end of the process (Deno.exit). Operands: code. */
  exit: 11,
  /**
   * The app makes a WebSocket of this exchange; it bears the exchange's id from now on. Operands: id,
   * header (as in respond), subprotocol or "", idle timeout in seconds.
   */
  upgrade: 12,
  /** A message for the client. Operands: id, string. */
  socketText: 13,
  /** A message for the client. Operands: id, Uint8Array of its own buffer. */
  socketBinary: 14,
  /** Close the WebSocket. Operands: id, code or 0 for none, reason. */
  socketClose: 15,
  /** The app took messages of this cost (see {@linkcode SOCKET_MESSAGE_COST}). Operands: id, cost. */
  socketTaken: 16,
  /** The app waits to hear that its streamed response is out, whose head has gone. Operands: id. */
  awaited: 17,
} as const;

/**
 * How many operands each operation of a queue has, by its code: whoever reads it finds the next one,
 * whatever becomes of this one.
 */
function operandsOf<Name extends string>(
  codes: Readonly<Record<Name, number>>,
  counts: Readonly<Record<Name, number>>,
): readonly number[] {
  const byCode: number[] = [0];
  for (const name in codes) byCode[codes[name]] = counts[name];
  return byCode;
}

export const QUEUE_IN_OPERANDS = operandsOf(QueueIn, {
  exchange: 6,
  bodyChunk: 2,
  bodyEnd: 1,
  bodyFail: 2,
  credit: 2,
  abort: 2,
  completed: 2,
  ping: 1,
  socketOpen: 1,
  socketText: 2,
  socketBinary: 2,
  socketSent: 2,
  socketClosed: 5,
});

export const QUEUE_OUT_OPERANDS = operandsOf(QueueOut, {
  respond: 5,
  chunk: 2,
  end: 1,
  fail: 1,
  credit: 2,
  crashed: 1,
  pong: 1,
  log: 2,
  ready: 0,
  bootFailed: 3,
  exit: 1,
  upgrade: 4,
  socketText: 2,
  socketBinary: 2,
  socketClose: 3,
  socketTaken: 2,
  awaited: 1,
});

/** What a response wants besides being sent; bits. */
export const RespondFlag = {
  none: 0,
  /** Say `completed` when the last byte is out. */
  completed: 1,
} as const;

/** Why an exchange was given up. */
export const AbortReason = {
  /** The client went away. */
  client: 1,
  /** `timeout` passed; the client has its 504. */
  timeout: 2,
  /** The proc stops. */
  stop: 3,
  /** The response is complete; what was not read of the request's body is gone. */
  answered: 4,
  /** The client has its answer, to a HEAD or of the length announced; its stream is not wanted any more. */
  whole: 5,
} as const;

/**
 * Claims: an Int32Array over shared memory, one for each proc, that lets the server take back what a
 * busy thread has not begun. The server writes `queued` before it posts; the thread begins an
 * exchange only if it can change `queued` to `taken` (Atomics.compareExchange); the server revokes
 * one only if it can change `queued` to `revoked`, and may then hand it to another thread; the thread
 * that passes a revoked one over sets it `free`. See claims.ts.
 */
export const Claim = { free: 0, queued: 1, taken: 2, revoked: 3 } as const;

/** First message to a thread, by its Worker's postMessage. */
export interface ThreadBoot {
  readonly port: MessagePort;
  readonly role: string;
  readonly config: Config;
  /** {@linkcode Claim}s of the proc. */
  readonly claims: Int32Array;
}

/** An array of operations, as it is posted. */
export type Batch = unknown[];
