/** What the dispatcher needs of the threads that run the app, whatever kind they are. */

import type { Exchange } from "../exchange/exchange.ts";
import type { Session } from "../session/session.ts";
import type { Standing } from "./standstill.ts";
import type { AppThread } from "../exchange/app_thread.ts";

export interface PoolEvents {
  onDied(thread: AppThread, why: string): void;
  onExit(thread: AppThread, code: number): void;
}

export interface Pool {
  /** Exchanges in flight. */
  readonly inFlight: number;
  /** Exchanges that wait for a thread. */
  readonly queued: number;
  /** Whether a thread has, or may have, something to do that no exchange in flight stands for. */
  readonly busy: boolean;
  /** Threads that are in the midst of a call which no exchange in flight may stand for. */
  readonly calling: readonly AppThread[];
  /**
   * What has run for longer than `timeoutMs` and is no exchange in flight: which thread runs it, and what
   * it is. Called with the dispatcher's sweep.
   */
  overdue(now: number, timeoutMs: number): readonly (readonly [AppThread, string])[];
  /** What each thread stands at, as Standstill has it; called with its looks. */
  standing(): readonly Standing[];
  /** Exchanges in flight, in no order. */
  exchanges(): Iterable<Exchange>;
  /** Resolves when every thread has loaded the app. Rejects with AppLoadError or BootError. */
  load(): Promise<void>;
  /** Who is to have the next exchange of this session; null where too many wait already. */
  choose(session: Session, request: Request): AppThread | null;
  /** An exchange is in flight that is dispatched later, when its body is here. */
  hold(exchange: Exchange): void;
  dispatch(exchange: Exchange, head: string, body: Uint8Array | true | null): void;
  /** Resolves when the exchange's streamed body is wanted; with false when it never is. */
  wantsBody(exchange: Exchange): Promise<boolean>;
  /** Which thread runs the exchange. */
  locate(exchange: Exchange): AppThread;
  /** Has the log say where in the app an exchange is, as soon as that is known, if it can be seen. */
  explain(exchange: Exchange): void;
  /** Lets nothing wait behind a thread that does not get on; called with the dispatcher's sweep. */
  sweep(): void;
  /** The exchange is over. */
  release(exchange: Exchange): void;
  /** Resolves when nothing is left to do at the end of the app's life, which may take so long. */
  close(patienceMs: number): Promise<void>;
  terminate(): void;
}
