/**
 * WebSockets of Python apps, between the server and the threads.
 *
 * To the app: what happens to a socket becomes a task of the common queue, and a socket has at most one
 * task at a time. So its callbacks run one after another, in their order, on whichever thread is free,
 * and nobody needs a lock for it. Head of a task: `<kind><bytes>` for each event, between commas, with
 * a kind of {@linkcode SocketEvent}; body: their payloads, one behind the other. One short text alone,
 * the most there is, is the head itself. A task without events goes on with what the one before it has
 * left.
 *
 * From the app: one ring (byte_ring.ts) for all sockets, which Python itself fills
 * (src/wsgi/python/socket_ring.py), since any thread of the app may send, and only those that denicorn
 * made can call JS. Each record: an operation of {@linkcode SocketOut}, the socket's id, a value, bytes.
 *
 * How far the clients have taken what was sent is told through a pipe: pairs of id and bytes, int32.
 */

export const SocketEvent = {
  open: "o",
  text: "t",
  binary: "b",
  /** Payload: `code\n1 if clean else 0\nerror\nreason`. */
  closed: "c",
  /** In place of all others: a text message, which follows. */
  shortText: "T",
} as const;

export const SocketOut = {
  /** A text message. Bytes: the end of it, or all. */
  text: 1,
  /** A binary message. Bytes: the end of it, or all. */
  binary: 2,
  /** Bytes of a message whose end follows. */
  part: 3,
  /** Close. Value: code, 0 for none. Bytes: reason. */
  close: 4,
  /** The client takes too little: end it. */
  drop: 5,
  /** The socket's task is done. Value: 1 where events of it are left. */
  done: 6,
  /** A text message that is ASCII. Bytes: all of it, and a NUL. */
  ascii: 7,
} as const;

/** Words before the bytes of each record. */
export const SOCKET_WORDS = 3;

export const SOCKET_RING_BYTES = 1024 * 1024;

/** Bytes of the payloads in one task; a longer one is streamed, as the body of a task of its own. */
export const MAX_TASK_BYTES = 64 * 1024;
/** Events in one task. */
export const MAX_TASK_EVENTS = 64;

/** In the pipe, in place of bytes: nothing that is sent arrives any more. */
export const GONE = -1;
/** In the pipe, in place of an id: there is room in the ring. */
export const ROOM = 0;
