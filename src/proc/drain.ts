/** How a server that no connection comes to any more ends without losing a request. */

import type { Dispatcher } from "./dispatch/dispatcher.ts";
import type { Sessions } from "./session/sessions.ts";
import { sleep } from "./sleep.ts";
import type { WebSockets } from "./websocket/websockets.ts";

/** A draining proc leaves an idle connection open for this long: a request may be on its way. */
const IDLE_WHILE_DRAINING_MS = 1_000;
/**
 * And so long one of HTTP/2 on which ever more is asked, which may come to rest by itself: Node's client
 * takes a GOAWAY for the end of all that is in flight. But no longer than half of the time there is: in the
 * rest it is answered.
 */
const BUSY_WHILE_DRAINING_MS = 15_000;
/** How often a drain looks whether all is done, milliseconds. */
const DRAIN_POLL_MS = 20;
/** How long what is cut may take to be told so, milliseconds: a 503 leaves in a turn or two. */
const FAREWELL_MS = 100;

interface Unfinished {
  readonly sessions: Sessions;
  readonly sockets: WebSockets;
  readonly dispatcher: Dispatcher;
}

/** Lets all that is in flight finish until the deadline; then cuts it, and returns how much that was. */
export async function finish(
  { sessions, sockets, dispatcher }: Unfinished,
  deadline: number,
): Promise<number> {
  const since = performance.now();
  const busyMs = Math.min(BUSY_WHILE_DRAINING_MS, (deadline - since) / 2);
  const hasConnections = () => sessions.size + sessions.lingering + sockets.size > 0;
  const isBusy = () => hasConnections() || dispatcher.lingering > 0;
  // Polled rather than told: it runs once in a proc's life, and there is nothing to miss.
  while (isBusy() && performance.now() < deadline) {
    sessions.drain(since, { idleMs: IDLE_WHILE_DRAINING_MS, busyMs });
    await sleep(DRAIN_POLL_MS);
  }
  // Exchanges without any connection have lost their clients, and have yet to hear of it: nothing is cut.
  const hasClients = isBusy();
  const late = sockets.size + sessions.countDeliveries();
  const left = Math.max(dispatcher.lingering, dispatcher.cut() + late);
  return hasClients ? left : 0;
}

/** Closes each connection behind its answer. One whose client does not take it is left. */
export async function sayFarewell(sessions: Sessions): Promise<void> {
  const end = performance.now() + FAREWELL_MS;
  while (sessions.size > 0 && performance.now() < end) {
    // Not before: of an answer that is not handed over yet, that of an upload would be lost.
    await sleep(1);
    for (const session of sessions) session.shutdown();
  }
}
