/** `Deno.upgradeWebSocket` in a thread, and the WebSockets that came of it. */

import { readResponse } from "../app/response.ts";
import { sourceOf } from "../deno/app_request.ts";
import { SWITCHING_PROTOCOLS, switchingProtocols } from "../deno/response.ts";
import { methodAndPathOf } from "../log/method_and_path.ts";
import type { Log } from "../log/record.ts";
import { CloseCode } from "../protocol/close_codes.ts";
import { hasToken } from "../protocol/head.ts";
import type { ThreadQueueOut } from "./queue_out.ts";
import { ThreadSocket } from "./websocket.ts";

/** What the app has made of its request. */
export interface Upgrade {
  readonly socket: ThreadSocket;
  /** To be returned by the app; the server's own takes its place. */
  readonly response: Response;
  /** Seconds. */
  readonly idleTimeout: number;
}

/** An exchange that may be upgraded, once. */
export interface Upgradable {
  readonly id: number;
  readonly head: string;
  readonly aborted: boolean;
  upgrade: Upgrade | null;
}

/** Why there is no WebSocket. */
export const GIVEN_UP = "the request was given up before the WebSocket was open";

/** Fields of the handshake, which the server answers. */
const HANDSHAKE = /^(?:connection|upgrade|sec-websocket-.*)$/i;

export class Upgrades {
  readonly #queue: ThreadQueueOut;
  readonly #log: Log;
  readonly #idleTimeout: number;
  readonly #sockets = new Map<number, ThreadSocket>();

  /** `idleTimeout`, in seconds, is for apps that set none. */
  constructor(queue: ThreadQueueOut, log: Log, idleTimeout: number) {
    this.#queue = queue;
    this.#log = log;
    this.#idleTimeout = idleTimeout;
  }

  get(id: number): ThreadSocket | undefined {
    return this.#sockets.get(id);
  }

  closed(id: number, code: number, reason: string, clean: boolean, error: string): void {
    const socket = this.#sockets.get(id);
    this.#sockets.delete(id);
    socket?.closed(code, reason, clean, error);
  }

  /** The exchange was given up while its upgrade was on its way to the server, which drops it. */
  abandoned(id: number): void {
    this.closed(id, CloseCode.abnormal, "", false, GIVEN_UP);
  }

  /** What stands in the place of Deno.upgradeWebSocket, with its checks and words. */
  readonly upgrade = (
    request: Request,
    options: Deno.UpgradeWebSocketOptions = {},
  ): Deno.WebSocketUpgrade => {
    const exchange = sourceOf(request) as Upgradable | undefined;
    if (exchange === undefined) {
      throw new TypeError(
        "Cannot upgrade to a WebSocket: the request is not the one that the handler was given",
      );
    }
    if (exchange.upgrade !== null) throw new Deno.errors.Http("Already upgraded");
    if (exchange.aborted) throw new Deno.errors.Http("Already closed");
    const { headers } = request;
    checkHandshake(headers);
    const protocol = negotiate(headers, options.protocol);
    const socket = new ThreadSocket(exchange.id, protocol, this.#queue);
    const response = switchingProtocols();
    const { idleTimeout = this.#idleTimeout } = options;
    // A function, say, cannot cross the queue, nor then could what is posted with it.
    exchange.upgrade = { socket, response, idleTimeout: Number(idleTimeout) };
    return { socket: socket as EventTarget as WebSocket, response };
  };

  /**
   * The app has responded to an exchange that it had upgraded. Returns whether the upgrade goes its
   * way; if not, the response is one like any other.
   */
  complete(exchange: Upgradable, response: unknown): boolean {
    const { socket, response: expected, idleTimeout } = exchange.upgrade!;
    // A framework that adds a header may have made a copy of it.
    if (response !== expected && !isSwitching(response)) {
      this.#log.error(
        `${methodAndPathOf(exchange.head)}: the app upgraded the request, but returned ` +
          "another response than Deno.upgradeWebSocket gave it: there is no WebSocket",
      );
      this.fail(exchange, "Upgrade response was not returned from callback");
      return false;
    }
    const header = readResponse(response).fields
      .filter(([name]) => !HANDSHAKE.test(name))
      .flat().join("\n");
    exchange.upgrade = null; // what becomes of the exchange is no concern of the socket any more
    this.#sockets.set(exchange.id, socket);
    this.#queue.upgrade(exchange.id, header, socket.protocol, idleTimeout);
    return true;
  }

  /** Nothing comes of the upgrade. */
  fail(exchange: Upgradable, why: string): void {
    exchange.upgrade?.socket.closed(CloseCode.abnormal, "", false, why);
  }
}

function isSwitching(response: unknown): response is Response {
  return response instanceof Response && response.status === SWITCHING_PROTOCOLS;
}

function checkHandshake(headers: Headers): void {
  if (!hasToken(headers.get("upgrade") ?? "", "websocket")) {
    throw new TypeError("Invalid Header: 'upgrade' header must contain 'websocket'");
  }
  if (!hasToken(headers.get("connection") ?? "", "upgrade")) {
    throw new TypeError("Invalid Header: 'connection' header must contain 'Upgrade'");
  }
  if (!headers.has("sec-websocket-key")) {
    throw new TypeError("Invalid Header: 'sec-websocket-key' header must be set");
  }
}

function negotiate(headers: Headers, protocol: string | undefined): string {
  if (!protocol) return "";
  const offered = (headers.get("sec-websocket-protocol") ?? "").split(",");
  if (offered.some((it) => it.trim() === protocol)) return protocol;
  throw new TypeError(`Protocol '${protocol}' not in the request's protocol list (non negotiable)`);
}
