/** The client's going away, as an exchange of node:http learns of it. */

import { isCostlyToWatch, watchClient } from "../../deno/request_abort.ts";
import { IdTable, nextId } from "../../protocol/id_table.ts";

/** How long a request goes unwatched where watching has a price, milliseconds. Most end sooner. */
const WATCH_AFTER_MS = 200;

/** A request that may be watched later. */
interface Unwatched {
  readonly id: number;
  readonly request: Request;
  readonly since: number;
  readonly callback: () => void;
}

const unwatched = new IdTable<Unwatched>();
let lastId = 0;
let sweeper: ReturnType<typeof setInterval> | null = null;

/**
 * Calls back when nobody waits for the response any more. With `threads: 0` the request is Deno's,
 * which makes an asynchronous call for it; so only a request that takes its time is watched. Returns
 * a number for {@linkcode forgetAbort}.
 */
export function onAbort(request: Request, callback: () => void): number {
  if (!isCostlyToWatch(request)) {
    watchClient(request, callback);
    return 0;
  }
  const id = lastId = nextId(lastId);
  unwatched.set(id, { id, request, since: performance.now(), callback });
  sweeper ??= setInterval(sweep, WATCH_AFTER_MS);
  return id;
}

/** The exchange is over. */
export function forgetAbort(id: number): void {
  if (id > 0) unwatched.delete(id);
}

function sweep(): void {
  const now = performance.now();
  for (const { id, request, since, callback } of unwatched.values()) {
    if (now - since < WATCH_AFTER_MS) continue;
    unwatched.delete(id);
    watchClient(request, callback);
  }
  if (unwatched.size > 0 || sweeper === null) return;
  clearInterval(sweeper);
  sweeper = null;
}
