/** A WebSocket as the server sees it: between its client and the thread that runs the app. */

import { CloseCode } from "../../protocol/close_codes.ts";
import {
  QueueIn,
  SOCKET_MESSAGE_COST,
  SOCKET_TRANSFER_BYTES,
  SOCKET_WINDOW_BYTES,
} from "../../protocol/queue/queue.ts";
import * as deno from "../../deno/websocket.ts";

/** Who is told what the socket does: a thread. */
export interface SocketPeer {
  post(...operation: unknown[]): void;
  postBuffer(operation: number, id: number, buffer: ArrayBuffer): void;
}

export interface SocketEvents {
  /** Milliseconds, as of the last sweep. */
  readonly now: number;
  /** Whether the client has lately taken some of what is on its way to it. Asks the kernel. */
  takes(): boolean;
  onOpen(): void;
  /** The connection has to end, whatever waits to be written to it. */
  onDrop(): void;
  /** So many bytes were sent that the peer has not been told of: settle() is wanted soon. */
  onOwing(bytes: number): void;
  /** Called once, be it before it was ever open. */
  onClosed(): void;
}

export interface SocketLimits {
  /** A client that is silent for so long is pinged, and closed without an answer; 0: never. */
  readonly idleMs: number;
  /** A client that takes nothing for so long is dropped. */
  readonly writeMs: number;
}

/**
 * How long a client may take to answer a close frame before it is dropped, milliseconds; it lies behind
 * all that was sent before, and waits for as long as the client takes of that.
 */
export const CLOSE_ANSWER_MS = 5_000;

/**
 * How long the answer to a handshake may take to be written, milliseconds. Of a client that has left
 * before it Deno says nothing, neither that the socket opens nor that it closes.
 */
export const OPENING_MS = 5_000;

/** How long a last frame may take to be written, milliseconds. */
const FLUSH_MS = 1_000;

/** The peer is told that bytes are sent in steps of this, or at the next settle(). */
const SENT_STEP_BYTES = SOCKET_WINDOW_BYTES / 16;

/** Deno's own words. */
const NO_PONG = "No response from ping frame.";

/** Whether a client has lately taken some of what is on its way to it. */
export function takes(client: { stuckFor(now: number): number }, now: number): boolean {
  const stuckMs = client.stuckFor(now);
  return stuckMs >= 0 && stuckMs < CLOSE_ANSWER_MS;
}

export class ServerSocket {
  readonly id: number;
  readonly #socket: WebSocket;
  readonly #peer: SocketPeer;
  readonly #events: SocketEvents;
  readonly #limits: SocketLimits;
  #opened = false;
  #closed = false;
  #error = "";
  /** To the app: the cost of messages that it has not taken yet. */
  #untaken = 0;
  #paused = false;
  /** From the app: bytes that the peer has not been told are sent. */
  #unsent = 0;
  #buffered = 0;
  #progressAt: number;
  #heardAt: number;
  /** A ping is out that nothing has answered. */
  #pinged = false;
  /** Since when a close frame of ours waits for its answer, as far as it is the client's to give. */
  #closingAt = Infinity;
  #closeCode = 0;
  #closeReason = "";

  constructor(
    id: number,
    upgraded: { socket: WebSocket },
    peer: SocketPeer,
    limits: SocketLimits,
    events: SocketEvents,
  ) {
    this.id = id;
    this.#socket = upgraded.socket;
    this.#peer = peer;
    this.#limits = limits;
    this.#events = events;
    this.#heardAt = this.#progressAt = events.now;
    const socket = this.#socket;
    socket.onopen = () => this.#open();
    socket.onmessage = (event) => this.#message(event.data);
    socket.onerror = (event) => this.#error = (event as ErrorEvent).message || "connection lost";
    socket.onclose = ({ code, reason, wasClean }) => this.#end(code, reason, wasClean);
  }

  /** Deno has something from the client, be it a pong. */
  heard(): void {
    this.#heardAt = this.#events.now;
    this.#pinged = false;
  }

  /** `length`: by what the peer measures it, characters or bytes. */
  sendText(text: string, length = text.length): void {
    this.#send(text, length);
  }

  sendBinary(bytes: Uint8Array<ArrayBuffer>): void {
    this.#send(bytes, bytes.byteLength);
  }

  /** The app took messages of this cost. */
  taken(cost: number): void {
    this.#untaken -= cost;
    if (!this.#paused || this.#untaken > SOCKET_WINDOW_BYTES / 2) return;
    this.#paused = false;
    this.#heardAt = this.#events.now;
    deno.resumeReading(this.#socket);
  }

  /** Starts the closing handshake. `code` 0: none. */
  close(code: number, reason: string): void {
    if (this.#closed || this.#closingAt !== Infinity) return;
    this.#closingAt = this.#events.now;
    this.#closeCode = code;
    this.#closeReason = reason;
    if (this.#opened) this.#sendClose();
  }

  #sendClose(): void {
    // Nobody takes messages any more, and the client's close frame waits behind them.
    if (this.#paused) this.taken(this.#untaken);
    try {
      if (this.#closeCode === 0) this.#socket.close();
      else this.#socket.close(this.#closeCode, this.#closeReason);
    } catch (error) {
      this.#error = String(error);
      this.drop();
    }
  }

  /** Ends it without a word to the client. */
  drop(): void {
    if (this.#closed) return;
    this.#events.onDrop();
    deno.drop(this.#socket);
    this.#end(CloseCode.abnormal, "", false);
  }

  /** Tells the peer what is sent. Returns the bytes that are still to be told. */
  settle(): number {
    if (this.#closed) return 0;
    const buffered = this.#socket.bufferedAmount;
    if (buffered < this.#buffered || buffered === 0) this.#progressAt = this.#events.now;
    this.#buffered = buffered;
    const sent = this.#unsent - buffered;
    if (sent > 0) {
      this.#unsent -= sent;
      this.#peer.post(QueueIn.socketSent, this.id, sent);
    }
    return this.#unsent;
  }

  /** Looks after deadlines. */
  sweep(now: number): void {
    const { idleMs, writeMs } = this.#limits;
    if (!this.#opened && now - this.#heardAt > OPENING_MS) {
      this.#error = "the client left before its handshake was answered";
      this.drop();
    } else if (now - this.#closingAt > CLOSE_ANSWER_MS) {
      if (this.#events.takes()) return void (this.#closingAt = now);
      this.#error = `the client did not answer a close frame within ${CLOSE_ANSWER_MS / 1000} s`;
      this.drop();
    } else if (this.#buffered > 0 && now - this.#progressAt > writeMs) {
      this.#error = `the client took nothing for ${writeMs / 1000} s (write_timeout)`;
      this.drop();
    } else if (idleMs > 0 && this.#opened && !this.#paused) {
      this.#sweepIdle(now - this.#heardAt, idleMs);
    }
  }

  /** Half of the time in silence, half of it for the answer to a ping. */
  #sweepIdle(silence: number, idleMs: number): void {
    if (!this.#pinged && silence > idleMs / 2) {
      this.#pinged = true;
      deno.ping(this.#socket);
    } else if (this.#pinged && silence > idleMs) {
      // The ping lies behind what the client is still reading.
      if (this.#events.takes()) return this.heard();
      this.#error = NO_PONG;
      this.close(CloseCode.goingAway, NO_PONG);
      // The frame needs a moment to be written; its answer is not waited for.
      setTimeout(() => deno.drop(this.#socket), FLUSH_MS);
      this.#end(CloseCode.goingAway, NO_PONG, false);
    }
  }

  #open(): void {
    this.#opened = true;
    this.heard();
    this.#events.onOpen();
    this.#peer.post(QueueIn.socketOpen, this.id);
    if (this.#closingAt !== Infinity) this.#sendClose();
  }

  #message(data: string | ArrayBuffer): void {
    if (typeof data === "string") {
      this.#untaken += data.length + SOCKET_MESSAGE_COST;
      this.#peer.post(QueueIn.socketText, this.id, data);
    } else {
      this.#untaken += data.byteLength + SOCKET_MESSAGE_COST;
      if (data.byteLength < SOCKET_TRANSFER_BYTES) {
        this.#peer.post(QueueIn.socketBinary, this.id, data);
      } else {
        this.#peer.postBuffer(QueueIn.socketBinary, this.id, data);
      }
    }
    if (this.#untaken > SOCKET_WINDOW_BYTES && deno.canPause(this.#socket)) {
      this.#paused = true;
      deno.pauseReading(this.#socket);
    }
  }

  #send(data: string | Uint8Array<ArrayBuffer>, length: number): void {
    if (this.#closed) return;
    const owedNothing = this.#unsent === 0;
    if (owedNothing) this.#progressAt = this.#events.now;
    this.#unsent += length;
    this.#socket.send(data);
    const owes = this.#unsent < SENT_STEP_BYTES ? this.#unsent : this.settle();
    if (owedNothing || owes >= SENT_STEP_BYTES) this.#events.onOwing(owes);
  }

  #end(code: number, reason: string, clean: boolean): void {
    if (this.#closed) return;
    this.#closed = true;
    deno.stopPinging(this.#socket);
    // Deno gives no code where none came: the client is gone, or has answered our close with data.
    const shown = code || this.#closeCode || (clean ? CloseCode.none : CloseCode.abnormal);
    if (!this.#opened && this.#error === "") this.#error = "the handshake failed";
    const error = clean ? "" : this.#error;
    this.#peer.post(QueueIn.socketClosed, this.id, shown, reason, clean ? 1 : 0, error);
    this.#events.onClosed();
  }
}
