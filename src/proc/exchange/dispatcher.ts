/** What stands between the server and the app: threads, or the app itself (`threads: 0`). */

import type { AccessRecord } from "./access_record.ts";
import type { Deadlines } from "../edge/deadlines.ts";
import type { RequestHead } from "../edge/head_check.ts";
import type { Session } from "../session/session.ts";
import type { ReplaceCause } from "../../protocol/control/control.ts";
import type { WebSockets } from "../websocket/websockets.ts";

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

/** How the server and its dispatcher share what both need. */
export interface Exchanging {
  /** Milliseconds since the process began, as of the last sweep. */
  readonly now: number;
  /** Whether the response in hand is the last of its connection: it says `Connection: close`. */
  closesAfter(session: Session): boolean;
  /** The WebSockets of the proc. */
  readonly sockets: WebSockets;
  readonly deadlines: Deadlines;
  /** Closes a connection as soon as what is in flight on it is answered; see Lifetimes. */
  close(session: Session, patient?: boolean): void;
  /** An exchange begins on this session. */
  began(session: Session): void;
  /** An exchange ended on this session. */
  ended(session: Session): void;
  /** A thread hangs or died: the proc must be replaced. */
  replaceMe(why: string, cause: ReplaceCause): void;
}
