/**
 * How long a response is waited for, wherever the app runs: first its client is watched, then the log
 * tells of it (`timeout_warning`), at last it is given up (`timeout`).
 */

import type { Config } from "../../config/config.ts";
import { limitMs } from "../../config/limit_ms.ts";
import { methodAndPath } from "../../log/method_and_path.ts";
import type { Log } from "../../log/record.ts";

/**
 * A response that is waited for longer has its client watched, milliseconds. Most come sooner, and a
 * signal with its listener costs more than a small request.
 */
const WATCH_CLIENT_MS = 200;

/** An exchange whose response may be waited for. */
export interface Awaited {
  readonly id: number;
  readonly request: Request;
  readonly responded: boolean;
  /** What its age counts from: its beginning, or when its body last came on. */
  readonly activeAt: number;
  /** Whether it was said that it takes long. */
  warned: boolean;
  /** Whether the request's signal is listened to. */
  watched: boolean;
  /** Nobody waits any more. May be called when it is over. */
  clientGone(): void;
}

export interface PatienceEvents<T> {
  /** It takes long; that has been logged. */
  onSlow?(exchange: T): void;
  /** It is to be given up; that has been logged. */
  onOverdue(exchange: T): void;
}

export class Patience<T extends Awaited> {
  /** Infinity: for ever. */
  readonly timeoutMs: number;
  readonly #warningMs: number;
  readonly #youngMs: number;
  readonly #timeout: number;
  readonly #log: Log;
  readonly #events: PatienceEvents<T>;

  constructor({ timeout, timeout_warning }: Config, log: Log, events: PatienceEvents<T>) {
    this.timeoutMs = limitMs(timeout);
    this.#warningMs = timeout_warning > 0 ? this.timeoutMs * timeout_warning : Infinity;
    this.#youngMs = Math.min(WATCH_CLIENT_MS, this.#warningMs, this.timeoutMs);
    this.#timeout = timeout;
    this.#log = log;
    this.#events = events;
  }

  /** Looks at all exchanges, the oldest first. */
  sweep(exchanges: Iterable<T>, now: number): void {
    const old: T[] = [];
    for (const exchange of exchanges) {
      if (!exchange.responded && now - exchange.activeAt > this.#youngMs) old.push(exchange);
    }
    old.sort((a, b) => a.activeAt - b.activeAt || a.id - b.id);
    for (const exchange of old) this.#look(exchange, now - exchange.activeAt);
  }

  #look(exchange: T, ageMs: number): void {
    const { request } = exchange;
    if (ageMs > this.timeoutMs) {
      this.#log.warning(`No response within ${this.#timeout} s: ${methodAndPath(request)}`);
      return this.#events.onOverdue(exchange);
    }
    if (ageMs > WATCH_CLIENT_MS) watchClient(exchange);
    if (ageMs <= this.#warningMs || exchange.warned || exchange.responded) return;
    exchange.warned = true;
    const age = (ageMs / 1_000).toFixed(1);
    this.#log.warning(
      `No response for ${age} s, and timeout is ${this.#timeout} s: ${methodAndPath(request)}`,
    );
    this.#events.onSlow?.(exchange);
  }
}

/** Has the exchange told when its client goes away. */
export function watchClient(exchange: Awaited): void {
  if (exchange.watched) return;
  exchange.watched = true;
  const { signal } = exchange.request;
  if (signal.aborted) return exchange.clientGone();
  signal.addEventListener("abort", () => exchange.clientGone(), { once: true });
}
