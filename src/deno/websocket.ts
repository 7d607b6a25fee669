/**
 * Deno's server-side WebSocket.
 *
 * Public are upgrade, send, close and the events. What a server needs beside them is reached through
 * the symbols of Deno's class (docs/internals.md): to stop reading from a client whose messages the
 * app does not take, to ping only who has been silent (Deno sets two timers anew for every message),
 * and to drop a socket whose client does not answer. Where they are not found, those three are missing
 * and all else works.
 */

import { hiddenSymbol, internals, type Untyped } from "./hidden.ts";

/** Deno's own, before an app's threads or `threads: 0` put another in its place. */
const denoUpgrade = Deno.upgradeWebSocket;

const PROTOCOLS = "sec-websocket-protocol";

/** Deno's own, which takes what a client offers apart at ", " alone: that of npm's ws writes "a,b". */
export function upgradeWebSocket(
  request: Request,
  options: Deno.UpgradeWebSocketOptions,
): Deno.WebSocketUpgrade {
  const offered = options.protocol ? request.headers.get(PROTOCOLS) : null;
  if (offered?.includes(",")) {
    const headers = new Headers(request.headers);
    headers.set(PROTOCOLS, offered.split(",").map((it) => it.trim()).join(", "));
    Object.defineProperty(request, "headers", { value: headers, configurable: true });
  }
  return denoUpgrade(request, options);
}

/** Closes and cancels by number. */
const { core } = internals;
const EVENT_LOOP = hiddenSymbol(WebSocket.prototype, "[[eventLoop]]");
const HEARD = hiddenSymbol(WebSocket.prototype, "[[serverHandleIdleTimeout]]");
const eventLoop: (this: WebSocket) => Promise<void> = (WebSocket.prototype as Untyped)[EVENT_LOOP];
const startPing: (this: WebSocket) => void = (WebSocket.prototype as Untyped)[HEARD];

/** Symbols of the instances, known from the first one. */
let own: { rid: symbol; state: symbol; idle: symbol; timer: symbol } | null = null;

/** Upgrades a request whose head is checked; Deno answers the handshake. Throws TypeError. */
export function upgrade(
  request: Request,
  protocol: string,
  onHeard: () => void,
): { socket: WebSocket; response: Response } {
  const options = { idleTimeout: 0, ...(protocol === "" ? {} : { protocol }) };
  const upgraded = upgradeWebSocket(request, options);
  const socket = upgraded.socket as Untyped;
  own ??= {
    rid: hiddenSymbol(socket, "[[rid]]"),
    state: hiddenSymbol(socket, "[[readyState]]"),
    idle: hiddenSymbol(socket, "[[idleTimeout]]"),
    timer: hiddenSymbol(socket, "[[idleTimeoutTimeout]]"),
  };
  // Deno calls it for every message and pong.
  socket[HEARD] = onHeard;
  // A socket that is dropped ends its loop with BadResource, which no one else would catch.
  socket[EVENT_LOOP] = () => eventLoop.call(socket).catch(() => {});
  return upgraded;
}

export function canPause(socket: WebSocket): boolean {
  return eventLoop !== undefined && own !== null && own.state in socket;
}

/**
 * Stops reading; to be called while a message is being handled. Deno's loop ends by itself when the
 * socket looks closed after the message, and nobody else sees that it did.
 */
export function pauseReading(socket: WebSocket): void {
  const { state } = own!;
  (socket as Untyped)[state] = WebSocket.CLOSED;
  queueMicrotask(() => (socket as Untyped)[state] = WebSocket.OPEN);
}

/** Goes on reading where {@linkcode pauseReading} stopped. */
export function resumeReading(socket: WebSocket): void {
  void (socket as Untyped)[EVENT_LOOP]();
}

/**
 * Sends a ping. Deno's own timer does, which reads the idle timeout twice: to ping half of it from
 * now, and then to close the socket half of it later, which is left to its caller.
 */
export function ping(socket: WebSocket): void {
  if (startPing === undefined || own === null) return;
  (socket as Untyped)[own.idle] = AT_ONCE_S;
  startPing.call(socket);
  (socket as Untyped)[own.idle] = NEVER_S;
}

const AT_ONCE_S = 0.001;
/** As long as a timer can take. */
const NEVER_S = 4_000_000;

/** The timer that follows a ping would keep a closed socket in memory. */
export function stopPinging(socket: WebSocket): void {
  if (own === null) return;
  const timer = (socket as Untyped)[own.timer];
  if (typeof timer === "number") core?.cancelTimer?.(timer);
}

/** Drops the connection, without a close frame. A "close" may follow, or nothing. */
export function drop(socket: WebSocket): void {
  if (own === null) return socket.close();
  stopPinging(socket);
  (socket as Untyped)[own.state] = WebSocket.CLOSED;
  const resource = (socket as Untyped)[own.rid];
  if (resource !== undefined) core?.tryClose?.(resource); // else it is not open yet
}
