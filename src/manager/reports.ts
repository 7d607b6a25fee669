/** What is heard of the procs, from their first word to their end: the table is fed, the log told. */

import type { ErrorLog } from "../log/error_log.ts";
import type { HeardOfProc, ProcStats } from "../protocol/control/control.ts";
import { now } from "./clock.ts";
import { describeExit } from "./fleet/exit_status.ts";
import { withTrace } from "./table/failure.ts";
import type { Fleet } from "./fleet/fleet.ts";
import type { ManagerHooks } from "./hooks.ts";
import type { ReplaceWish } from "./table/proc.ts";
import type { ProcTable } from "./table/proc_table.ts";
import { STOPPING_SIGNALS } from "./signals.ts";

interface Parts {
  readonly fleet: Fleet;
  readonly hooks: ManagerHooks;
  readonly log: ErrorLog;
  readonly table: ProcTable;
  /** A proc has read these files of the app's. */
  readonly onSources: (files: readonly string[]) => void;
}

export class Reports {
  readonly #fleet: Fleet;
  readonly #hooks: ManagerHooks;
  readonly #log: ErrorLog;
  readonly #table: ProcTable;
  readonly #onSources: Parts["onSources"];

  constructor({ fleet, hooks, log, table, onSources }: Parts) {
    this.#fleet = fleet;
    this.#hooks = hooks;
    this.#log = log;
    this.#table = table;
    this.#onSources = onSources;
  }

  /** It says something. */
  heard(id: number, message: HeardOfProc): void {
    const proc = this.#table.get(id);
    if (proc === undefined) return;
    switch (message.type) {
      case "hello":
        return; // a second one; the first was the listener's
      case "loaded":
        return this.#table.loaded(id, now());
      case "ready":
        this.#fleet.steering.listening(id, this.#fleet.generations.of(proc.generation).bind, now());
        this.#table.ready(id, now());
        return this.#log.info(`${this.#fleet.name(id)} is ready`);
      case "boot_failed":
        return this.#table.bootFailed(id, {
          exitCode: message.exit_code,
          message: message.message,
          trace: message.trace,
        });
      case "heartbeat":
        this.#steerByLoad(id, message.stats);
        return this.#table.heartbeat(id, message.stats, now());
      case "blocked":
        return void this.#fleet.steering.blocked(id, message.blocked);
      case "log":
        return message.records.forEach((record) => this.#log.write(record));
      case "replace_me":
        return this.#wishes(id, message);
      case "leaving":
        this.#log.info(`${this.#fleet.name(id)} leaves: ${message.why}`);
        if (message.graceful) this.#fleet.steering.leave(id);
        return this.#table.goes(id, message.graceful, now());
      case "unlistened":
        return this.#fleet.steering.closed(id, proc.heardAt, now());
      case "steered":
        return this.#fleet.steering.steered(id, message.error);
      case "sources":
        return this.#onSources(message.files);
      case "logs_reopened":
        return;
      case "unknown":
        return this.#log.debug(`${this.#fleet.name(id)} says what is not known: ${message.named}`);
    }
  }

  /** Its control channel has ended; `error` says why where it did not simply go. */
  lost(id: number, error: string | null): void {
    if (error !== null) this.#log.error(`${this.#fleet.name(id)} speaks nonsense: ${error}`);
    this.#table.lost(id, now());
  }

  /** It has ended. */
  exited(id: number, status: Deno.CommandStatus): void {
    const name = this.#fleet.name(id);
    const pid = this.#fleet.pidOf(id);
    const state = this.#table.get(id)?.state;
    const served = state === "ready" || state === "leaving";
    const how = `${name} ${describeExit(status, { served })}`;
    this.#fleet.forget(id);
    // Killed by a signal that asks to stop: it was too young to have handlers of its own.
    const wasAsked = status.signal !== null && STOPPING_SIGNALS.includes(status.signal);
    if (wasAsked) this.#table.goes(id, false, now());
    const proc = this.#table.get(id);
    if (proc === undefined) return;
    // At the first start, and of a canary, it is said once, by the error or by the failed reload.
    const isTold = !this.#table.booted || this.#table.isCanary(proc);
    this.#fleet.steering.closed(id, proc.heardAt, now());
    const { code, signal } = status;
    const expected = proc.state === "leaving";
    this.#hooks.inForce.notify("childExit", { id, pid }, { code, signal, expected });
    this.#table.exited(id, how, now());
    this.#fleet.generations.forget(this.#table.procs);
    if (proc.state !== "leaving") {
      // Why it was killed has been said when it was.
      if (!isTold && !proc.killed) {
        this.#log.error(proc.failure === null ? how : withTrace(proc.failure));
      }
    } else if (proc.killed || status.success) this.#log.info(`${name} has left`);
    else this.#log[wasAsked ? "info" : "warning"](how);
  }

  #wishes(id: number, wish: ReplaceWish): void {
    const isEarly = this.#table.wishes(id, wish, now());
    const level = wish.cause === "hang" ? "error" : isEarly ? "warning" : "info";
    const pause = isEarly
      ? "; so soon after its start that there is a pause, longer each time"
      : "";
    this.#log[level](`${this.#fleet.name(id)} is to be replaced: ${wish.why}${pause}`);
  }

  #steerByLoad(id: number, { in_flight, sessions }: ProcStats): void {
    const { max_connections } = this.#fleet.generations.config;
    const full = max_connections > 0 && sessions >= max_connections;
    this.#fleet.steering.load(id, in_flight, full, now());
  }
}
