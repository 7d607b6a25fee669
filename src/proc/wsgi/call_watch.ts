/**
 * For how long the threads of a WSGI app have run what they run. A thread that blocks says nothing of
 * itself, and what it runs may have no exchange any more, whose `timeout` would tell: its client has left,
 * or has all of its response while the app goes on (close()).
 *
 * Until its response begins a call has `timeout`, whoever still waits for it. A response that streams has
 * all the time that its client has. What comes after that, the app may take its time for: a generator
 * that waits for an event hears of its client at the next one, and close() may have much to do. But if it
 * holds its thread for longer than `timeout` while no thread is free, and requests wait now or one has waited
 * for as long as it may, it hangs as well.
 */

import { methodAndPath } from "../../log/method_and_path.ts";
import type { IdTable } from "../../protocol/id_table.ts";
import { SLOT_MS } from "../edge/deadlines.ts";
import type { Exchange } from "../exchange/exchange.ts";
import type { SocketLine } from "./sockets.ts";

/** What is known of a thread; see WsgiThread. */
export interface Caller {
  readonly current: number;
  readonly answered: number;
  /** Whether it has come to an end with what it ran when it was last suspected. */
  readonly responsive: boolean;
  silentMs: number;
}

interface Call {
  /** Id of the exchange, or of the socket with the number of its task. */
  readonly turn: string;
  /** For the log, from when its exchange was last there. */
  line: string;
  answered: boolean;
  /** For how long requests have waited, and no thread was free, since it was answered. */
  starvedMs: number;
}

/** Whose calls they are. */
export interface CallWatchOptions {
  readonly exchanges: Pick<IdTable<Exchange>, "get">;
  readonly sockets: {
    get(id: number): SocketLine | undefined;
    giveUp(line: SocketLine): string | null;
  };
}

export class CallWatch<T extends Caller> {
  readonly #options: CallWatchOptions;
  readonly #calls = new Map<T, Call>();
  #lookedAt = 0;

  constructor(options: CallWatchOptions) {
    this.#options = options;
  }

  /**
   * To be called every SLOT_MS. Returns the threads that hold on to a call for longer than `timeoutMs`
   * which no exchange tells of, and what it is. `queued`: requests that wait for a thread.
   */
  overdue(threads: readonly T[], queued: number, now: number, timeoutMs: number): [T, string][] {
    // A server that was itself held up (SIGSTOP, a machine that slept) blames nobody for that time.
    const elapsedMs = Math.min(now - this.#lookedAt, 2 * SLOT_MS);
    this.#lookedAt = now;
    const starving = queued > 0 && threads.every((thread) => thread.current !== 0);
    const overdue: [T, string][] = [];
    for (const thread of threads) {
      const what = this.#look(thread, elapsedMs, now, timeoutMs, starving);
      if (what !== null) overdue.push([thread, what]);
    }
    return overdue;
  }

  #look(
    thread: T,
    elapsedMs: number,
    now: number,
    timeoutMs: number,
    starving: boolean,
  ): string | null {
    const id = thread.current;
    if (id === 0) {
      thread.silentMs = 0;
      this.#calls.delete(thread);
      return null;
    }
    const { exchanges, sockets } = this.#options;
    const socket = sockets.get(id);
    const exchange = exchanges.get(id);
    const turn = socket === undefined ? `${id}` : `${id} ${socket.turn}`;
    const answered = thread.answered === id;
    let call = this.#calls.get(thread);
    if (call?.turn !== turn || call.answered !== answered) {
      thread.silentMs = 0;
      this.#calls.set(
        thread,
        call = { turn, line: call?.turn === turn ? call.line : "", answered, starvedMs: 0 },
      );
    } else {
      thread.silentMs += elapsedMs;
    }
    if (starving) call.starvedMs += elapsedMs;
    if (socket !== undefined) {
      return thread.silentMs > timeoutMs ? sockets.giveUp(socket) : null;
    }
    if (exchange !== undefined) {
      // Its own timeout tells of it (exchange/patience.ts), or its client takes what streams.
      if (exchange.responded) thread.silentMs = 0;
      else thread.silentMs = Math.min(thread.silentMs, now - exchange.activeAt);
      if (call.line === "") call.line = methodAndPath(exchange.request);
      return null;
    }
    if (thread.silentMs <= timeoutMs || !thread.responsive) return null;
    if (!answered) {
      return call.line === ""
        ? "a call whose client has left"
        : `${call.line}, whose client has left`;
    }
    const starved = starving || call.starvedMs + SLOT_MS >= timeoutMs;
    return starved ? `what follows the response to ${call.line || "a request"}` : null;
  }
}
