/** From an exchange to a WebSocket, in the server. */

import { parseFields } from "../../protocol/head.ts";
import { upgrade } from "../../deno/websocket.ts";
import type { Exchange, UpgradeWish } from "./exchange.ts";
import { ServerSocket, takes } from "../websocket/websocket.ts";
import type { WebSockets } from "../websocket/websockets.ts";

/**
 * Answers the handshake. The exchange is in flight until the socket is open: until then its
 * connection belongs to Deno's HTTP, and must not be taken for an idle one.
 *
 * @throws {TypeError} when Deno refuses the handshake.
 */
export function openSocket(
  exchange: Exchange,
  wish: UpgradeWish,
  sockets: WebSockets,
  writeMs: number,
): ServerSocket {
  const limits = { idleMs: wish.idleTimeout * 1000, writeMs };
  const upgraded = upgrade(exchange.request, wish.protocol, () => socket.heard());
  const headers = parseFields(wish.header);
  for (const [name, value] of headers) upgraded.response.headers.append(name, value);
  const socket = new ServerSocket(exchange.id, upgraded, exchange.thread, limits, {
    get now() {
      return sockets.now;
    },
    takes: () => takes(exchange.session, sockets.now),
    onOpen: () => exchange.finish(),
    onDrop: () => exchange.session.sever(),
    onOwing: (bytes) => sockets.owes(socket, bytes),
    onClosed: () => {
      exchange.finish();
      exchange.thread.sockets.delete(exchange.id);
      sockets.remove(socket);
      exchange.session.left();
    },
  });
  sockets.add(socket);
  exchange.thread.sockets.set(exchange.id, socket);
  exchange.session.detach();
  exchange.switched(upgraded.response, headers);
  return socket;
}
