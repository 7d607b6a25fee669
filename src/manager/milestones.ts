/** What the server has come to, told once: that it is ready, and how many procs it is to have. */

import { readyLine } from "../log/banner.ts";
import type { Log } from "../log/record.ts";
import type { Fleet } from "./fleet.ts";
import type { ManagerHooks } from "./hooks.ts";
import type { ProcTable } from "./proc_table.ts";

interface Parts {
  readonly fleet: Fleet;
  readonly hooks: ManagerHooks;
  readonly log: Log;
  readonly table: ProcTable;
}

export class Milestones {
  readonly #parts: Parts;
  #wasBooted = false;
  #lastTarget: number;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#lastTarget = parts.table.target;
  }

  /** To be called after each round of decisions. */
  tell(): void {
    const { fleet, hooks, log, table: { booted, target } } = this.#parts;
    if (booted && !this.#wasBooted) {
      const config = fleet.sockets.shown(fleet.generations.config);
      log.info(readyLine({ ...config, workers: target }, performance.now()));
      hooks.notify("whenReady");
    }
    if (target !== this.#lastTarget) hooks.notify("workersChanged", target, this.#lastTarget);
    this.#wasBooted = booted;
    this.#lastTarget = target;
  }
}
