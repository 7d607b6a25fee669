/**
 * Clients that send much that is no request. Deno answers by itself what is out of its bounds, and no
 * handler hears of it. It works off all that lies in a socket before it turns to the next one, so others
 * wait. Such a client shows by how much has come and how little of it requests have taken.
 *
 * Who fills the memory (HTTP/1: Deno keeps what comes behind a request that is being answered) is cut off.
 * Who only costs time (HTTP/2: header blocks that are refused, settings, pings) would connect anew at
 * once, and a byte costs the same on any connection. It is muted: the kernel drops what it sends, its own
 * TCP takes that for a bad network and waits longer from try to try, and it learns of it when it is cut off
 * at last. A trusted proxy's connection, by which others come as well, is closed as a drain does it.
 */

import type { Log } from "../../log/record.ts";
import { threadCpuMs } from "../../os/cpu_clock.ts";
import { libcUnavailable } from "../../os/libc.ts";
import type { IdTable } from "../../protocol/id_table.ts";
import type { Session } from "./session.ts";

/** How much a client may send ahead of what it is answered, where it may send the next request (HTTP/1). */
const MAX_AHEAD_BYTES = 1024 * 1024;
/** How much may come that is no request, where none waits its turn: no head is larger than 64 KiB. */
const MAX_NOISE_BYTES = 256 * 1024;
/** Below this share of a processor nobody is disturbed, even where others have most of it. */
const QUIET_LOAD = 0.02;
/** How many connections on which nothing is in flight are looked at in one go, a microsecond or two each. */
const LOOKS = 512;
/** One warning tells of an attack; the next comes after so long, milliseconds. */
const WARNING_MS = 60_000;

export interface FloodActions {
  cut(session: Session, why: string): void;
  /** Nothing new is taken on it; what is in flight is answered. */
  retire(session: Session): void;
  /** Its client is not listened to any more. */
  muted(session: Session): void;
}

export class FloodWatch {
  readonly #log: Log;
  readonly #actions: FloodActions;
  readonly #available = libcUnavailable() === null;
  /** Who is looked at next, of those on which nothing is in flight. */
  #next = 0;
  #lookedAt = 0;
  #cpuMs = 0;
  #warnedAt = -Infinity;

  constructor(log: Log, actions: FloodActions) {
    this.#log = log;
    this.#actions = actions;
  }

  /**
   * To be called some times a second with all connections, and the number of exchanges in flight on
   * them. Where nobody does anything the connections are not even gone through: there may be 10,000.
   */
  look(connections: IdTable<Session>, inFlight: number, now: number): void {
    if (!this.#available) return;
    const quiet = this.#isQuiet(now);
    if (quiet && inFlight === 0) return;
    const sessions = connections.values();
    for (const session of sessions) if (session.inFlight > 0) this.#judge(session, now);
    const looks = quiet ? 0 : Math.min(LOOKS, sessions.length);
    for (let i = 0; i < looks; i++) {
      const session = sessions[this.#next++ % sessions.length]!;
      if (session.inFlight === 0) this.#judge(session, now);
    }
    // The time that the looks themselves took does not count as load.
    this.#cpuMs = threadCpuMs();
  }

  #judge(session: Session, now: number): void {
    if (session.muted || session.inFlight === 0 && !session.owesRequests) return;
    const ahead = session.sentAhead();
    const most = session.mayPipeline ? MAX_AHEAD_BYTES : MAX_NOISE_BYTES;
    if (ahead <= most || ahead - session.unread() <= most) return;
    if (session.owesRequests) this.#mute(session, ahead, now);
    else this.#actions.cut(session, "it sends far ahead of its responses");
  }

  #mute(session: Session, bytes: number, now: number): void {
    const why = `it sent ${Math.round(bytes / 1024)} KiB that are no requests`;
    if (session.forwards) {
      if (session.leavingSince === Infinity) {
        this.#warn(`Closing a proxy's connection: ${why}`, now);
      }
      return this.#actions.retire(session);
    }
    if (!session.mute()) return this.#actions.cut(session, why);
    this.#warn(`Not listening to a connection of ${session.remoteHost} any more: ${why}`, now);
    this.#actions.muted(session);
  }

  #warn(message: string, now: number): void {
    if (now - this.#warnedAt < WARNING_MS) this.#log.debug(message);
    else {
      this.#warnedAt = now;
      this.#log.warning(`${message} (further ones at level debug)`);
    }
  }

  /** Whether this thread has had little to do since the last look. */
  #isQuiet(now: number): boolean {
    const cpuMs = threadCpuMs();
    const load = (cpuMs - this.#cpuMs) / (now - this.#lookedAt);
    [this.#cpuMs, this.#lookedAt] = [cpuMs, now];
    return load < QUIET_LOAD;
  }
}
