/** All WebSockets of a proc: their deadlines, what their apps are owed, and their end. */

import { CloseCode } from "../../protocol/close_codes.ts";
import type { DrainReason } from "../../protocol/control/control.ts";
import type { ServerSocket } from "./websocket.ts";

/** What the registry does with a socket, whoever runs the app behind it. */
export interface OpenSocket {
  /** Starts the closing handshake. */
  close(code: number, reason: string): void;
  /** Ends it without a word to the client. */
  drop(): void;
  sweep(now: number): void;
}

/** What clients are told when the server ends their socket. */
const LEAVE: Readonly<Record<DrainReason, readonly [code: number, reason: string]>> = {
  stop: [CloseCode.goingAway, "The server stops"],
  reload: [CloseCode.restart, "The server restarts"],
  recycle: [CloseCode.restart, "The server restarts"],
};

/**
 * How soon apps are told that little was sent, and that much was, milliseconds: few look at
 * bufferedAmount, and those who wait for it have filled their window.
 */
const SETTLE_MS = 50;
const SETTLE_SOON_MS = 2;
const MUCH_BYTES = 64 * 1024;

export class WebSockets {
  readonly #sockets = new Set<OpenSocket>();
  readonly #owing = new Set<ServerSocket>();
  readonly #clock: { readonly now: number };
  readonly #onLeft: () => void;
  /** What clients are told from now on, null before the proc leaves. */
  #farewell: readonly [code: number, reason: string] | null = null;
  #timer: ReturnType<typeof setTimeout> | null = null;
  /** What the timer was set to, milliseconds. */
  #timerMs = 0;

  /** @param onLeft Called when a socket has gone. */
  constructor(clock: { readonly now: number }, onLeft: () => void) {
    this.#clock = clock;
    this.#onLeft = onLeft;
  }

  get now(): number {
    return this.#clock.now;
  }

  get size(): number {
    return this.#sockets.size;
  }

  add(socket: OpenSocket): void {
    this.#sockets.add(socket);
    // Its app has taken long to answer the handshake.
    if (this.#farewell !== null) socket.close(...this.#farewell);
  }

  /** So many bytes were sent that its app has not been told of. */
  owes(socket: ServerSocket, bytes: number): void {
    this.#owing.add(socket);
    this.#settleAfter(bytes);
  }

  remove(socket: OpenSocket): void {
    this.#sockets.delete(socket);
    this.#owing.delete(socket as ServerSocket);
    this.#onLeft();
  }

  sweep(now: number): void {
    for (const socket of this.#sockets) socket.sweep(now);
  }

  /** Starts the closing handshake with every client. */
  leave(reason: DrainReason): void {
    this.#farewell = LEAVE[reason];
    for (const socket of this.#sockets) socket.close(...this.#farewell);
  }

  drop(): void {
    for (const socket of this.#sockets) socket.drop();
  }

  readonly #settle = (): void => {
    let most = 0;
    for (const socket of this.#owing) {
      const owed = socket.settle();
      if (owed === 0) this.#owing.delete(socket);
      else if (owed > most) most = owed;
    }
    this.#timer = null;
    if (most > 0) this.#settleAfter(most);
  };

  #settleAfter(owed: number): void {
    const ms = owed >= MUCH_BYTES ? SETTLE_SOON_MS : SETTLE_MS;
    if (this.#timer !== null) {
      if (this.#timerMs <= ms) return;
      clearTimeout(this.#timer);
    }
    this.#timerMs = ms;
    this.#timer = setTimeout(this.#settle, ms);
  }
}
