/** What stands between the server and the app: threads, or the app itself (`threads: 0`). */

import type { AccessRecord } from "../exchange/access_record.ts";
import type { RequestHead } from "../edge/head_check.ts";
import type { Session } from "../session/session.ts";

export interface Dispatcher {
  /** Loads the app. Throws AppLoadError or BootError. */
  load(): Promise<void>;
  /**
   * Answers one request; `head` is its own only until this returns. Never throws, never rejects.
   * `access` is to be told of the end, where there is an access log.
   */
  handle(
    session: Session,
    request: Request,
    head: RequestHead,
    info: Deno.ServeHandlerInfo,
    access: AccessRecord | null,
  ): Response | Promise<Response>;
  /** Exchanges in flight. */
  readonly inFlight: number;
  /** Exchanges that wait behind others for a thread. */
  readonly queued: number;
  /** Whether the app has, or may have, something to do. */
  readonly isOccupied: boolean;
  /**
   * Whether none of its threads is free to begin anything, and has not been for some time; to be called
   * every LOOK_MS of standstill.ts while it is occupied.
   */
  isBlocked(now: number): boolean;
  /** Calls of the app that go on though their responses are complete, or nobody waits for them (WSGI). */
  readonly lingering: number;
  /**
   * Looks after deadlines and clients that went away; called every SLOT_MS of edge/deadlines.ts.
   * Returns whether there is something left to look after.
   */
  sweep(now: number): boolean;
  /** Answers 503 or cuts whatever is in flight. Returns how many there were. */
  cut(): number;
  /**
   * Lets the app end, once nothing is in flight. It may take its time: whoever calls bounds it, and says
   * to how many milliseconds.
   */
  close(patienceMs: number): Promise<void>;
  terminate(): void;
}
