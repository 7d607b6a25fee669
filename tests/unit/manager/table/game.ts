/** The table of procs as its tests play it. */

import { assert } from "@std/assert";
import type { Decision } from "../../../../src/manager/table/decision.ts";
import type { Limits } from "../../../../src/manager/table/limits.ts";
import { ProcTable } from "../../../../src/manager/table/proc_table.ts";
import { STABLE_MS } from "../../../../src/manager/table/respawn.ts";

export const LIMITS: Limits = {
  workers: 2,
  bootTimeoutMs: 60_000,
  heartbeatTimeoutMs: 30_000,
  gracefulTimeoutMs: 30_000,
  crashes: { rounds: 3, withinMs: 60_000 },
};
export const STATS = { requests: 0, in_flight: 0, queued: 0, sessions: 0, rss: 0 };
export const APP_ERROR = { exitCode: 4, message: "Cannot load the app", trace: "Error: no" };

/** A table with a clock, which plays procs that do as they are told. */
export class Game {
  readonly table: ProcTable;
  now = 0;

  constructor(limits: Partial<Limits> = {}) {
    this.table = new ProcTable({ ...LIMITS, ...limits });
  }

  /** What is decided now, one line each. */
  decide(): string[] {
    return this.table.decide(this.now).map(show);
  }

  /** Decides at the next deadline of the table's own. */
  later(): string[] {
    this.now = this.table.deadline(this.now);
    return this.decide();
  }

  ready(id: number): string[] {
    this.table.loaded(id, this.now);
    const decisions = this.decide();
    this.table.ready(id, this.now);
    return [...decisions, ...this.decide()];
  }

  exit(id: number, how = `proc ${id} ended`): string[] {
    this.table.exited(id, how, this.now);
    return this.decide();
  }

  /** A game whose first procs are ready, and have been for a while. */
  static running(limits: Partial<Limits> = {}): Game {
    const game = new Game(limits);
    for (const line of game.decide()) game.ready(Number(line.split(" ")[1]));
    game.pass(STABLE_MS);
    assert(game.table.booted);
    return game;
  }

  /** Time passes in which every proc gives signs of life. */
  pass(ms: number): void {
    this.now += ms;
    for (const { id } of this.table.procs) this.table.heartbeat(id, STATS, this.now);
  }

  get serving(): number[] {
    return this.table.procs.filter((proc) => proc.state === "ready").map((proc) => proc.id);
  }
}

function show(decision: Decision): string {
  switch (decision.type) {
    case "spawn":
      return `spawn ${decision.id} of ${decision.generation}` +
        (decision.replaces === null ? "" : ` for ${decision.replaces}`);
    case "drain":
      return `drain ${decision.id} ${decision.reason}`;
    case "kill":
      return decision.why === null ? `kill ${decision.id}` : `kill ${decision.id}: ${decision.why}`;
    case "listen":
    case "stop":
      return `${decision.type} ${decision.id}`;
    case "reload_committed":
      return `committed ${decision.generation}`;
    case "reload_abandoned":
      return `abandoned ${decision.generation}: ${decision.failure.message}`;
    case "fail":
      return `fail ${decision.failure.exitCode}: ${decision.failure.message}`;
  }
}
