/** What Node's own classes keep under symbols; loads node:http, so for those alone who speak it. */

import { type Server, ServerResponse } from "node:http";
import { hiddenSymbol } from "./hidden.ts";

/** Under it a response remembers that the app waits for "drain". */
const NEEDS_DRAIN = hiddenSymbol(new ServerResponse({ method: "GET" } as never), "kNeedDrain");

/** "drain" is due: Node's server passes a drained socket on to the response that is being written. */
export function drained(response: ServerResponse): void {
  if (!response.writableNeedDrain) return;
  Object.assign(response, { [NEEDS_DRAIN]: false });
  response.emit("drain");
}

/** `createServer({ IncomingMessage, ServerResponse })`: what the app gave its server; undefined: nothing. */
export function classOf<T>(
  server: Server,
  name: "IncomingMessage" | "ServerResponse",
): T | undefined {
  const own = (server as unknown as Record<symbol, unknown>)[hiddenSymbol(server, name)];
  return typeof own === "function" ? own as T : undefined;
}
