/** `Deno.upgradeWebSocket` with `threads: 0`: Deno's own, whose sockets the server looks after. */

import { abortRequest } from "../../deno/request_abort.ts";
import { upgradeWebSocket } from "../../deno/websocket.ts";
import { CloseCode } from "../../protocol/close_codes.ts";
import type { Session } from "../session/session.ts";
import { CLOSE_ANSWER_MS, OPENING_MS, takes } from "./websocket.ts";
import type { OpenSocket, WebSockets } from "./websockets.ts";

/** A request that asks for a WebSocket. */
interface Asking {
  /** As Deno gave it: the app may have been given another, made from it. */
  readonly original: Request;
  readonly session: Session;
  /** The app has made a WebSocket of it: the connection is no longer Deno's HTTP's. */
  taken: boolean;
}

export interface InlineUpgradeOptions {
  /** Seconds, for apps that set none. */
  readonly idleTimeout: number;
  /** A client that takes nothing for so long is dropped, milliseconds. */
  readonly writeMs: number;
}

export class InlineUpgrades {
  readonly #sockets: WebSockets;
  readonly #options: InlineUpgradeOptions;
  readonly #asking = new WeakMap<Request, Asking>();
  readonly #opening = new WeakMap<Response, Promise<void>>();

  constructor(sockets: WebSockets, options: InlineUpgradeOptions) {
    this.#sockets = sockets;
    this.#options = options;
  }

  /** `request`, which the app is about to be given, asks for a WebSocket. */
  expect(request: Request, original: Request, session: Session): void {
    this.#asking.set(request, { original, session, taken: false });
  }

  /** Whether the app has made a WebSocket of this request: then no other response reaches its client. */
  isTaken(request: Request): boolean {
    return this.#asking.get(request)?.taken === true;
  }

  /** Resolves when the socket that this response opens is open, or has failed. */
  opening(response: Response): Promise<void> {
    return this.#opening.get(response) ?? Promise.resolve();
  }

  readonly upgrade = (
    request: Request,
    options: Deno.UpgradeWebSocketOptions = {},
  ): Deno.WebSocketUpgrade => {
    const asking = this.#asking.get(request);
    if (asking?.session.hasLeft) {
      // An app that fails now is not to blame.
      abortRequest(request);
      throw new Deno.errors.Http("Already closed");
    }
    const { idleTimeout } = this.#options;
    const upgraded = upgradeWebSocket(asking?.original ?? request, { idleTimeout, ...options });
    if (asking !== undefined) {
      asking.taken = true;
      this.#watch(upgraded, asking.session);
    }
    return upgraded;
  };

  #watch({ socket, response }: Deno.WebSocketUpgrade, session: Session): void {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#opening.set(response, promise);
    const tracked = new InlineSocket(socket, session, this.#options.writeMs, this.#sockets);
    const late = setTimeout(() => {
      socket.dispatchEvent(new CloseEvent("close", { code: CloseCode.abnormal, wasClean: false }));
    }, OPENING_MS);
    // Before the app's own listeners, which may close the socket at once.
    socket.addEventListener("open", () => {
      clearTimeout(late);
      this.#sockets.add(tracked);
      resolve();
    });
    socket.addEventListener("error", () => resolve());
    socket.addEventListener("close", () => {
      clearTimeout(late);
      resolve();
      this.#sockets.remove(tracked);
      session.left();
    });
  }
}

class InlineSocket implements OpenSocket {
  readonly #socket: WebSocket;
  readonly #session: Session;
  readonly #writeMs: number;
  #buffered = 0;
  #progressAt: number;
  #closingAt = Infinity;

  constructor(socket: WebSocket, session: Session, writeMs: number, clock: { now: number }) {
    this.#socket = socket;
    this.#session = session;
    this.#writeMs = writeMs;
    this.#progressAt = clock.now;
  }

  close(code: number, reason: string): void {
    // Where it is just open, the app's own listeners may send before.
    queueMicrotask(() => this.#socket.close(code, reason));
  }

  drop(): void {
    this.#session.sever();
  }

  sweep(now: number): void {
    const { readyState, bufferedAmount } = this.#socket;
    if (readyState === WebSocket.CLOSING) {
      if (this.#closingAt === Infinity) this.#closingAt = now;
      else if (now - this.#closingAt > CLOSE_ANSWER_MS) {
        if (takes(this.#session, now)) this.#closingAt = now;
        else this.drop();
      }
    }
    if (bufferedAmount < this.#buffered || bufferedAmount === 0) this.#progressAt = now;
    this.#buffered = bufferedAmount;
    if (now - this.#progressAt > this.#writeMs) this.drop();
  }
}
