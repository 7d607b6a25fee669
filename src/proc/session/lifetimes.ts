/** How long each connection may take for what, from its first byte of HTTP to its close. */

import type { Config } from "../../config/config.ts";
import { limitMs } from "../../config/limit_ms.ts";
import { clientName } from "../../log/method_and_path.ts";
import type { Log } from "../../log/record.ts";
import { Deadlines, SLOT_MS } from "../edge/deadlines.ts";
import type { Session } from "./session.ts";

/**
 * A client that still sends a body that nobody wants is listened to for a while, so that it gets to
 * see the answer (RFC 9112, 9.6): at most for the first time, and in silence for the second;
 * milliseconds.
 */
const LINGER_MS = 30_000;
const LINGER_SILENCE_MS = 5_000;
/** How long a client that is not waited for any more may take its answer (a 408, say), milliseconds. */
const FAREWELL_MS = 1_000;

/** A muted client is cut off after so long, milliseconds: until then it does not know that it is. */
const MUTED_MS = 10_000;

/** How many times in `write_timeout` the server looks whether a client takes what it is sent. */
const LOOKS = 4;
/** How often it looks once the exchange is over, where something is to follow its delivery, milliseconds. */
const DELIVERY_LOOK_MS = 1_000;

/** What a client may say over TLS as it leaves (RFC 8446, 6.1), in a record of its own; an upper bound. */
const CLOSE_NOTIFY_BYTES = 64;

export class Lifetimes {
  /** The clock of deadlines that need not be exact: as of the last turn. */
  now = performance.now();
  readonly deadlines = new Deadlines(() => performance.now());
  /** Exchanges in flight on all connections. */
  inFlight = 0;

  readonly #config: Config;
  readonly #log: Log;
  /** How much later than it ought to be this turn is; 0 where that is within the usual. */
  #lateMs = 0;
  readonly #headerMs: number;
  readonly #keepAliveMs: number;
  readonly #writeMs: number;

  constructor(config: Config, log: Log) {
    this.#config = config;
    this.#log = log;
    this.#headerMs = limitMs(config.header_timeout);
    this.#keepAliveMs = limitMs(config.keep_alive);
    this.#writeMs = limitMs(config.write_timeout);
  }

  /** A connection is there, and is to send its first request. */
  opened(session: Session, now: number): void {
    this.deadlines.set(session, now + this.#headerMs);
  }

  /** An exchange begins: until it ends, all that is asked is that the client takes what it gets. */
  began(session: Session): void {
    session.requests++;
    session.inFlight++;
    this.inFlight++;
    session.beginning = false;
    this.#put(session, this.now + this.#writeMs / LOOKS);
  }

  /** An exchange ended. */
  ended(session: Session): void {
    session.inFlight--;
    this.inFlight--;
    session.idleSince = this.now;
    if (session.inFlight > 0) return;
    if (session.leavingSince !== Infinity) {
      this.#put(session, this.now + SLOT_MS + lingerMs(session));
    } else if (this.closesAfter(session)) this.close(session, !session.last);
    // The clock may be one slot behind, and nobody is to be closed early.
    else this.#put(session, this.now + SLOT_MS + this.#keepAliveMs);
  }

  /** Whether the response in hand is the connection's last, and has to say so. */
  closesAfter(session: Session): boolean {
    const { keep_alive, keep_alive_requests } = this.#config;
    return session.last || keep_alive === 0 ||
      keep_alive_requests > 0 && session.requests >= keep_alive_requests;
  }

  /**
   * Closes a connection as soon as what is in flight on it is answered. Behind a request with a body
   * Deno closes by itself when it has read what the client still sends; a shutdown would take away
   * the means to cut that short. `patient`: whether it may still send for a while.
   */
  close(session: Session, patient = true): void {
    const now = performance.now();
    if (!patient) session.leavingSince = -Infinity;
    else if (session.leavingSince === Infinity) session.leavingSince = now;
    if (!session.hadBody) session.shutdown();
    this.#put(session, now + lingerMs(session));
  }

  /** Closes a connection now, for a reason that is the client's. */
  cut(session: Session, why: string): void {
    this.#log.debug(`Closing a connection of ${clientName(session.remoteHost)}: ${why}`);
    session.cut();
  }

  /** Its client is not listened to any more, and is to be cut off for it. */
  muted(session: Session): void {
    this.deadlines.set(session, performance.now() + MUTED_MS);
  }

  /** Looks after deadlines; to be called every SLOT_MS as long as there are connections. */
  turn(now: number): void {
    const late = now - this.now - SLOT_MS;
    this.#lateMs = late > SLOT_MS ? late : 0;
    this.now = now;
    this.deadlines.turn();
  }

  /**
   * A connection's deadline has come. What it was set for follows from the connection's state:
   *
   * - an exchange is in flight, or its response still on its way: `write_timeout`, looked at in steps, and
   *   whether its client has left;
   * - it was told to close: see #linger();
   * - no request has come yet, or part of the next one's head: `header_timeout`;
   * - nothing of the next request has come: `keep_alive`.
   */
  due(session: Session): void {
    const now = performance.now();
    if (session.muted) return this.cut(session, "it was muted");
    // While this thread was held up it read nothing: what clients have sent in time may lie unread.
    if (this.#lateMs > 0) return this.deadlines.set(session, now + this.#lateMs);
    if (session.inFlight > 0) {
      if (hasLeftUnseen(session)) return this.cut(session, "its client has left");
      return this.#lookForReading(session, now, session.stuckFor(now));
    }
    if (session.leavingSince !== Infinity) return this.#linger(session, now);
    // No exchange is in flight; the client may still be taking its last response.
    const stuckFor = session.requests === 0 ? -1 : session.stuckFor(now);
    if (stuckFor >= 0) {
      session.idleSince = now;
      this.#lookForReading(session, now, stuckFor);
    } else if (session.requests === 0 || session.beginning && !session.http2) {
      this.cut(session, "it does not send a whole head");
    } else if (!session.beginning && session.hasBegun()) {
      // It gets as long for the head as for its first.
      session.beginning = true;
      this.deadlines.set(session, now + this.#headerMs);
    } else if (now - session.idleSince < this.#keepAliveMs) {
      this.deadlines.set(session, session.idleSince + this.#keepAliveMs);
    } else this.end(session, now);
  }

  /**
   * Closes a connection on which nothing is in flight, behind all of its last response that Deno may
   * still hold: only Deno knows, and closes when it has written it.
   */
  end(session: Session, now: number): void {
    // A client that owes some of a request's body is waited for, unless it can be cut off.
    if (session.muted || session.hadBody && !session.canBeCut) return session.abort();
    const settled = session.stuckFor(now) < 0;
    session.leavingSince = settled ? -Infinity : now;
    session.shutdown();
    this.#put(session, now + FAREWELL_MS);
  }

  /** Sets the deadline, unless nothing is waited for any more. */
  #put(session: Session, dueAt: number): void {
    if (!session.muted) this.deadlines.set(session, dueAt);
  }

  /** Looks after a connection that was told to close, and has not. */
  #linger(session: Session, now: number): void {
    const lingered = now - session.leavingSince;
    const patient = lingered !== Infinity;
    const stuckFor = session.stuckFor(now);
    if (session.http2 && session.held === 0) {
      // A small response may wait in Deno all the same, until the client's window lets it through. A
      // client that is still there acknowledges the GOAWAY, which may be all that is on its way.
      const patienceMs = Math.min(this.#writeMs, LINGER_MS);
      const there = patient
        ? stuckFor >= 0 || lingered < patienceMs && session.heardWithin(patienceMs)
        : session.heardWithin(FAREWELL_MS + 2 * SLOT_MS);
      if (there && !patient) session.leavingSince = now;
      if (there) return this.#lookForReading(session, now, stuckFor);
      // A client that does nothing but answer pings does not hold up the end.
      if (patient && lingered >= patienceMs) return session.cut();
    } else if (stuckFor >= 0) return this.#lookForReading(session, now, stuckFor);
    if (lingered < LINGER_MS && session.heardWithin(LINGER_SILENCE_MS)) {
      this.deadlines.set(session, now + LINGER_SILENCE_MS);
      // One look proves nothing: the client may just have taken all, and Deno be about to write more.
    } else if (patient && session.canBeCut) this.end(session, now);
    else session.cut();
  }

  #lookForReading(session: Session, now: number, stuckFor: number): void {
    const left = this.#writeMs - Math.max(0, stuckFor);
    if (left <= 0) return this.cut(session, "it does not read its response");
    const step = this.#writeMs / LOOKS;
    const next = session.inFlight > 0 ? step : Math.min(step, DELIVERY_LOOK_MS);
    this.deadlines.set(session, now + Math.min(next, left));
  }
}

/**
 * Whether the client of an exchange has left, as Deno may never see: of HTTP/1 it looks no more where it
 * has read a body behind the head of its response, or was told to read no further. A response that has
 * nothing to send for long would keep the connection as long. A body that is under way may be whole all
 * the same, and the app get it.
 */
function hasLeftUnseen(session: Session): boolean {
  if (session.http2 || session.uploads > 0 || !session.hasLeft) return false;
  return session.leavingSince === -Infinity || session.unread() <= CLOSE_NOTIFY_BYTES;
}

/** When to look again at a connection that was told to close and stays open, milliseconds from now. */
function lingerMs({ leavingSince }: Session): number {
  return leavingSince === -Infinity ? FAREWELL_MS : LINGER_SILENCE_MS;
}
