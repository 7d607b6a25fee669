/** What the server has come to, told once: ready, reloaded, and how many procs it is to have. */

import type { Config } from "../config/config.ts";
import { readyLine, reloadedLine } from "../log/banner.ts";
import type { Log } from "../log/record.ts";
import type { Fleet } from "./fleet/fleet.ts";
import type { ManagerHooks } from "./hooks.ts";
import type { ProcTable } from "./table/proc_table.ts";

interface Parts {
  readonly fleet: Fleet;
  readonly hooks: ManagerHooks;
  readonly log: Log;
  readonly table: ProcTable;
}

export class Milestones {
  readonly #parts: Parts;
  #isReadyTold = false;
  #lastGeneration: number;
  #lastTarget: number;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#lastTarget = parts.table.target;
    this.#lastGeneration = parts.table.generation;
  }

  /** To be called after each round of decisions. */
  tell(): void {
    const { hooks, log, table } = this.#parts;
    const { allServe, target, generation, isRenewed, stopping } = table;
    if (allServe && !this.#isReadyTold) {
      this.#isReadyTold = true;
      log.info(readyLine(this.#now(), performance.now()));
      hooks.inForce.notify("whenReady");
    }
    if (generation !== this.#lastGeneration && isRenewed && stopping === null) {
      log.info(reloadedLine(this.#now()));
      this.#lastGeneration = generation;
    }
    if (target !== this.#lastTarget) {
      hooks.inForce.notify("workersChanged", target, this.#lastTarget);
    }
    this.#lastTarget = target;
  }

  #now(): Config {
    const { fleet, table } = this.#parts;
    return { ...fleet.sockets.shown(fleet.generations.config), workers: table.target };
  }
}
