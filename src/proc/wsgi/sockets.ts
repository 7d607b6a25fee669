/** The WebSockets of a WSGI app, between their ServerSockets and the threads; see protocol/wsgi/sockets.ts. */

import type { Log } from "../../log/record.ts";
import { describe } from "../../log/uncaught.ts";
import { type Ring, RingReader } from "../../protocol/wsgi/byte_ring.ts";
import { joinBytes } from "../../protocol/bytes.ts";
import { CloseCode, INTERNAL_ERROR } from "../../protocol/close_codes.ts";
import { QueueIn, SOCKET_MESSAGE_COST, SOCKET_WINDOW_BYTES } from "../../protocol/queue/queue.ts";
import { MAX_PIECE_BYTES } from "../../protocol/wsgi/wsgi.ts";
import {
  GONE,
  MAX_TASK_BYTES,
  MAX_TASK_EVENTS,
  ROOM,
  SOCKET_WORDS,
  SocketEvent,
  SocketOut,
} from "../../protocol/wsgi/sockets.ts";
import { pointerOf, textFrom } from "../../python/memory.ts";
import type { AppThread } from "../exchange/app_thread.ts";
import { Slab } from "./slab.ts";
import type { ServerSocket } from "../websocket/websocket.ts";
import { CreditPipe } from "./credits.ts";

const WORD = 4;
const HEAD_BYTES = SOCKET_WORDS * WORD;
/** Characters of a text that crosses as the head of its task. */
const MAX_SHORT_TEXT = 1024;
/** Clients' progress is told in steps of this: a sender waits only above twice as much. */
const CREDIT_STEP_BYTES = SOCKET_WINDOW_BYTES / 2;

interface Event {
  readonly kind: string;
  readonly payload: Uint8Array | string;
  /** What the ServerSocket holds against the app for it. */
  readonly cost: number;
}

/** What a socket's callbacks have been told, and are still to be told. */
export interface SocketLine {
  readonly id: number;
  /** For the log: without a query. */
  readonly path: string;
  /** Number of its tasks so far. */
  turn: number;
  /** A task of it is queued or runs. */
  busy: boolean;
  /** A callback was given up. */
  late: boolean;
  events: Event[];
  /** Cost of the events in the task. */
  cost: number;
  /** The payload of the task, where it is streamed. */
  long: Uint8Array | null;
  closed: boolean;
  /** Pieces of a message of the app's. */
  parts: Uint8Array<ArrayBuffer>[];
  /** Bytes that the client has taken and the app does not know of. */
  taken: number;
}

export interface WsgiSocketsOptions {
  readonly sockets: ReadonlyMap<number, ServerSocket>;
  readonly ring: Ring;
  readonly log: Log;
  /** Puts a task into the common queue. */
  readonly onTask: (id: number, events: string, body: Uint8Array | true | null) => void;
}

export class WsgiSockets {
  readonly #options: WsgiSocketsOptions;
  readonly #ring: RingReader;
  readonly #memory: Deno.PointerObject;
  readonly #lines = new Map<number, SocketLine>();
  readonly #slab = new Slab();
  readonly #encoder = new TextEncoder();
  readonly #decoder = new TextDecoder();
  #credits: CreditPipe | null = null;
  #idle: (() => void) | null = null;

  constructor(options: WsgiSocketsOptions) {
    this.#options = options;
    this.#ring = new RingReader(options.ring);
    this.#memory = pointerOf(this.#ring.bytes);
  }

  /** Sockets whose callbacks are not all called. */
  get size(): number {
    return this.#lines.size;
  }

  /** `fd`: of the pipe that Python listens to. */
  listen(fd: number): void {
    this.#credits = new CreditPipe(fd);
  }

  get(id: number): SocketLine | undefined {
    return this.#lines.get(id);
  }

  /** The app is about to make a WebSocket of an exchange. */
  add(id: number, url: string): void {
    this.#lines.set(id, {
      id,
      path: new URL(url).pathname,
      turn: 0,
      busy: false,
      late: false,
      events: [],
      cost: 0,
      long: null,
      closed: false,
      parts: [],
      taken: 0,
    });
  }

  /** Resolves when no callback is left to call. */
  idle(): Promise<void> {
    if (this.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.#idle = resolve);
  }

  /** What a ServerSocket tells (the operations of protocol/queue/queue.ts). */
  post(operation: number, id: number, operands: readonly unknown[]): void {
    const line = this.#lines.get(id);
    if (line === undefined) return;
    switch (operation) {
      case QueueIn.socketOpen:
        return this.#tell(line, SocketEvent.open, new Uint8Array(), 0);
      case QueueIn.socketText: {
        const text = operands[0] as string;
        const cost = text.length + SOCKET_MESSAGE_COST;
        return this.#tell(line, SocketEvent.text, text, cost);
      }
      case QueueIn.socketBinary: {
        const bytes = new Uint8Array(operands[0] as ArrayBuffer);
        return this.#tell(line, SocketEvent.binary, bytes, bytes.length + SOCKET_MESSAGE_COST);
      }
      case QueueIn.socketSent:
        line.taken += operands[0] as number;
        if (line.taken < CREDIT_STEP_BYTES) return;
        this.#credits!.tell(id, line.taken);
        line.taken = 0;
        return;
      case QueueIn.socketClosed: {
        const [code, reason, clean, error] = operands;
        this.#close(line, `${code}\n${clean}\n${String(error).replaceAll("\n", " ")}\n${reason}`);
      }
    }
  }

  /** Nothing came of the upgrade: Python forgets it. */
  forget(id: number): void {
    const line = this.#lines.get(id);
    if (line !== undefined && !line.closed) {
      this.#close(line, `${CloseCode.abnormal}\n0\nthe handshake failed\n`);
    }
  }

  /** Wakes the app's own threads that wait in Python for the server. */
  wakeSenders(): void {
    this.#credits?.tell(ROOM, 0);
  }

  /** Handles all that the app has written. */
  read(): void {
    const ring = this.#ring;
    if (!ring.next()) return;
    do {
      try {
        this.#handle(ring.at, ring.length);
      } catch (error) {
        // It costs the one socket that it is about; without done() it would be read for ever.
        this.#options.log.error(`A fault of denicorn's own: ${describe(error)}`);
        this.#options.sockets.get(ring.words[(ring.at >> 2) + 1]!)?.drop();
      }
      ring.done();
    } while (ring.next());
    if (ring.writerWaits) this.wakeSenders();
  }

  /** The thread that runs a socket's task asks for the payload; or for the body of an exchange that is over. */
  stream(id: number, thread: AppThread): void {
    const line = this.#lines.get(id);
    if (line === undefined) return thread.post(QueueIn.abort, id);
    if (line.long) thread.postBytes(QueueIn.bodyChunk, id, line.long);
    thread.post(QueueIn.bodyEnd, id);
  }

  #close(line: SocketLine, how: string): void {
    line.closed = true;
    // Whoever waits to send must not have to wait until a thread is free to hear of it.
    this.#credits?.tell(line.id, GONE);
    this.#tell(line, SocketEvent.closed, this.#encoder.encode(how), 0);
  }

  #tell(line: SocketLine, kind: string, payload: Uint8Array | string, cost: number): void {
    line.events.push({ kind, payload, cost });
    if (!line.busy) this.#start(line);
  }

  /** Makes a task of the oldest events: as many as fit, or one whose payload is too long for others. */
  #start(line: SocketLine): void {
    line.busy = true;
    line.turn++;
    const { events } = line;
    const [first] = events;
    const { payload } = first!;
    if (events.length === 1 && typeof payload === "string" && payload.length < MAX_SHORT_TEXT) {
      events.pop();
      line.cost = first!.cost;
      return this.#options.onTask(line.id, SocketEvent.shortText + payload, null);
    }
    const taken: Uint8Array[] = [];
    let [head, bytes] = ["", 0];
    for (const { kind, payload, cost } of events) {
      const data = typeof payload === "string" ? this.#encoder.encode(payload) : payload;
      if (taken.length > 0 && bytes + data.length > MAX_TASK_BYTES) break;
      head += `${taken.length === 0 ? "" : ","}${kind}${data.length}`;
      bytes += data.length;
      line.cost += cost;
      if (taken.push(data) === MAX_TASK_EVENTS) break;
    }
    if (taken.length === events.length) line.events = [];
    else events.splice(0, taken.length);
    if (bytes > MAX_TASK_BYTES) {
      line.long = taken[0]!;
      return this.#options.onTask(line.id, head, true);
    }
    this.#options.onTask(line.id, head, bytes === 0 ? null : joinBytes(taken, bytes));
  }

  #handle(at: number, length: number): void {
    const { words, bytes } = this.#ring;
    const word = at >> 2;
    const id = words[word + 1]!;
    const value = words[word + 2]!;
    if (words[word] === SocketOut.done) return this.#done(id, value === 1);
    const line = this.#lines.get(id);
    const socket = this.#options.sockets.get(id);
    // A socket that is no longer there: its client is gone, and so is who would read it.
    if (line === undefined || socket === undefined) return;
    const from = at + HEAD_BYTES;
    const size = length - HEAD_BYTES;
    switch (words[word]) {
      case SocketOut.text: {
        const whole = this.#whole(line, bytes, from, size);
        return socket.sendText(this.#decoder.decode(whole), whole.length);
      }
      case SocketOut.ascii: {
        const text = textFrom(this.#memory, from);
        // A NUL within has ended it.
        if (text.length === size - 1) return socket.sendText(text);
        const whole = this.#slab.copy(bytes, from, size - 1);
        return socket.sendText(this.#decoder.decode(whole));
      }
      case SocketOut.binary:
        return socket.sendBinary(this.#whole(line, bytes, from, size));
      case SocketOut.part:
        line.parts.push(bytes.slice(from, from + size) as Uint8Array<ArrayBuffer>);
        return;
      case SocketOut.close:
        return socket.close(value, this.#decoder.decode(bytes.slice(from, from + size)));
      case SocketOut.drop:
        this.#options.log.info(
          `The client of the WebSocket ${line.path} reads too little: dropped`,
        );
        return socket.drop();
      default:
        throw new Error(`Unknown operation in the ring of WebSockets: ${words[word]}`);
    }
  }

  /** A message of the app's: the record in hand, and the pieces before it. */
  #whole(line: SocketLine, bytes: Uint8Array, from: number, size: number): Uint8Array<ArrayBuffer> {
    const { parts } = line;
    if (parts.length === 0) return this.#slab.copy(bytes, from, size);
    line.parts = [];
    const last = bytes.subarray(from, from + size);
    return joinBytes([...parts, last], parts.length * MAX_PIECE_BYTES + size);
  }

  /** The task of a socket is done, or makes way for others. */
  #done(id: number, rest: boolean): void {
    const line = this.#lines.get(id);
    if (line === undefined) return;
    const { cost } = line;
    line.cost = 0;
    line.long = null;
    if (cost > 0) this.#options.sockets.get(id)?.taken(cost);
    if (rest) {
      line.turn++;
      return this.#options.onTask(id, "", null);
    }
    line.busy = false;
    if (line.events.length > 0) return this.#start(line);
    if (!line.closed) return;
    this.#lines.delete(id);
    if (this.size === 0) this.#idle?.();
  }

  /** A callback takes too long. Returns what it is, once; null where it is known. */
  giveUp(line: SocketLine): string | null {
    if (line.late) return null;
    line.late = true;
    this.#options.sockets.get(line.id)?.close(...INTERNAL_ERROR);
    return `a callback of the WebSocket ${line.path}`;
  }
}
