/**
 * Which procs are let go, and how: at a stop, when another has taken their place, when there are too
 * many, when their time is up. These are the rules of the table by which procs become fewer.
 */

import { DRAIN_LINGER_MS, type DrainReason } from "../../protocol/control/control.ts";
import type { Agenda } from "./agenda.ts";
import type { StopMode } from "./decision.ts";
import { bootFailure } from "./failure.ts";
import { DEPARTURE_MS, leaveWithinMs, overdueAt, overdueWhy } from "./limits.ts";
import type { Proc } from "./proc.ts";
import type { Roster } from "./roster.ts";
import type { Wanted } from "./wanted.ts";

const SOONER: readonly (StopMode | null)[] = [null, "graceful", "quick", "now"];

export class Departures {
  readonly #roster: Roster;
  readonly #wanted: Wanted;
  readonly #agenda: Agenda;
  #stopping: StopMode | null = null;
  #lingerMs = 0;

  constructor(roster: Roster, wanted: Wanted, agenda: Agenda) {
    this.#roster = roster;
    this.#wanted = wanted;
    this.#agenda = agenda;
  }

  get stopping(): StopMode | null {
    return this.#stopping;
  }

  /** Wants the end of all, sooner with each call; they go on accepting for `lingerMs`. */
  stop(mode: StopMode, lingerMs: number): void {
    this.#lingerMs = lingerMs;
    if (SOONER.indexOf(mode) > SOONER.indexOf(this.#stopping)) this.#stopping = mode;
  }

  killOverdue(now: number): void {
    for (const proc of this.#roster.all) {
      if (now < overdueAt(proc, this.#wanted.limits)) continue;
      const why = overdueWhy(proc, this.#wanted.limits, now);
      proc.failure ??= bootFailure(`Proc ${proc.id} is killed: ${why}`);
      this.#agenda.killOverdue(proc, why);
    }
  }

  endAll(mode: StopMode, now: number): void {
    for (const proc of this.#roster.all) {
      if (proc.killed) continue;
      if (mode === "now") this.#agenda.kill(proc, now);
      else if (proc.readyAt === null && mode === "quick") this.#agenda.kill(proc, now);
      else if (proc.readyAt === null) this.dismiss(proc, now, "stop", "stopping");
      else if (mode === "quick") this.#agenda.stop(proc, now);
      else if (proc.state !== "leaving") this.#drain(proc, now, "stop", this.#lingerMs, "stopping");
    }
  }

  retireReplaced(now: number): void {
    for (const proc of this.#roster.serving) {
      const old = this.#roster.heldBy(proc);
      if (old === null) continue;
      const reason = this.#roster.isOutdated(old) ? "reload" : "recycle";
      this.#drain(old, now, reason, DRAIN_LINGER_MS, `proc ${proc.id} has taken its place`);
    }
  }

  shrink(now: number): void {
    for (let excess = this.#roster.counted.length - this.#wanted.workers; excess > 0; excess--) {
      const counted = this.#roster.counted;
      // One that serves nobody yet costs least; then the oldest, as gunicorn does it.
      const proc = counted.findLast((proc) => proc.readyAt === null) ?? counted[0];
      if (proc === undefined) return;
      const why = `${this.#wanted.workers} are enough`;
      if (proc.readyAt === null) this.dismiss(proc, now, "recycle", why);
      else this.#drain(proc, now, "recycle", DRAIN_LINGER_MS, why);
    }
  }

  /** Lets one go that is not needed: see Agenda. */
  dismiss(proc: Proc, now: number, reason: DrainReason, why: string): void {
    const withinMs = leaveWithinMs(this.#wanted.limits, DRAIN_LINGER_MS);
    this.#agenda.dismiss(proc, now, { reason, lingerMs: DRAIN_LINGER_MS, withinMs, why });
  }

  #drain(proc: Proc, now: number, reason: DrainReason, lingerMs: number, why: string): void {
    const within = leaveWithinMs(this.#wanted.limits, lingerMs);
    const withinMs = within + (reason === "stop" ? 0 : this.#turnMs);
    this.#agenda.drain(proc, now, { reason, lingerMs, withinMs, why });
  }

  /**
   * How long one may have to wait for its turn: but at a stop they go one after another, each when those
   * before accept nobody any more, or stand still. See Steering.leave().
   */
  get #turnMs(): number {
    return DEPARTURE_MS * this.#roster.all.filter(({ state }) => state === "leaving").length;
  }
}
