/** What the signals ask of the manager: `handle` tells them apart, and each has its own method. */

import type { Config } from "../config/config.ts";
import { DenicornError, messageOf } from "../errors.ts";
import type { ErrorLog } from "../log/error_log.ts";
import { type CommandLine, ownCommandLine } from "../launch/command_line.ts";
import { DRAIN_LINGER_MS } from "../protocol/control/control.ts";
import { now } from "./clock.ts";
import { describeExit } from "./fleet/exit_status.ts";
import type { Fleet } from "./fleet/fleet.ts";
import { HookModule, type ManagerHooks } from "./hooks.ts";
import type { Inbox, ManagerEvent, PreparedReload } from "./inbox.ts";
import { limitsOf } from "./table/limits.ts";
import { giveAccessLog } from "./log_owner.ts";
import type { ProcTable } from "./table/proc_table.ts";
import { hasTerminal, type ManagerSignal } from "./signals.ts";
import { Successor } from "./succession/successor.ts";
import type { Supervisor } from "./supervisor.ts";

/** Why new connections are not steered between USR2 and the end of one of the managers. */
export const TWO_MANAGERS = "another manager's procs share the addresses";

export interface OrderOptions {
  /** The command line, for a new manager beside this one (USR2). */
  readonly argv: readonly string[];
  /** Where it was given. */
  readonly cwd: string;
  /** Reads the configuration again (HUP). Throws where it is wrong. */
  readonly reloadConfig: () => Promise<Config>;
  /** Throws where the configuration file that was read has gone (USR2). */
  readonly requireFile: () => void;
}

interface Parts {
  readonly fleet: Fleet;
  readonly hooks: ManagerHooks;
  readonly inbox: Inbox<ManagerEvent>;
  readonly log: ErrorLog;
  readonly supervisor: Supervisor;
  readonly table: ProcTable;
}

export class Orders {
  readonly #fleet: Fleet;
  readonly #hooks: ManagerHooks;
  readonly #inbox: Inbox<ManagerEvent>;
  readonly #log: ErrorLog;
  readonly #supervisor: Supervisor;
  readonly #table: ProcTable;
  readonly #reloadConfig: () => Promise<Config>;
  readonly #requireFile: () => void;
  readonly #commandLine: CommandLine | null;
  readonly #cwd: string;
  #successor: Successor | null = null;
  #runsPreExec = false;
  /** How many were begun, and the last of them whose hooks were there. */
  #reloads = 0;
  #prepared = 0;

  constructor({ argv, cwd, reloadConfig, requireFile, ...parts }: Parts & OrderOptions) {
    this.#fleet = parts.fleet;
    this.#hooks = parts.hooks;
    this.#inbox = parts.inbox;
    this.#log = parts.log;
    this.#supervisor = parts.supervisor;
    this.#table = parts.table;
    this.#reloadConfig = reloadConfig;
    this.#requireFile = requireFile;
    this.#commandLine = ownCommandLine(argv);
    this.#cwd = cwd;
  }

  /** The hooks of a reload are waited for. */
  get isPreparing(): boolean {
    return this.#prepared < this.#reloads;
  }

  /** The manager that was started beside this one and lives. */
  get successor(): Successor | null {
    return this.#successor;
  }

  handle(signal: ManagerSignal): Promise<void> | void {
    this.#log.info(`Signal ${signal}`);
    switch (signal) {
      case "SIGTERM":
        return this.#table.stop("graceful", this.#successor === null ? 0 : DRAIN_LINGER_MS);
      case "SIGINT":
      case "SIGQUIT":
        return this.#handleQuick();
      case "SIGHUP":
        return this.#handleHup();
      case "SIGTTIN":
        return this.#table.resize(this.#table.target + 1);
      case "SIGTTOU":
        return this.#handleTtou();
      case "SIGUSR1":
        return this.#handleUsr1();
      case "SIGUSR2":
        return this.#handleUsr2();
      case "SIGWINCH":
        return this.#handleWinch();
    }
  }

  /** After WINCH there is none, and asking for less must not bring one back. */
  #handleTtou(): void {
    const { target } = this.#table;
    if (target > 1) this.#table.resize(target - 1);
  }

  /** A second one is a person who does not want to wait. */
  #handleQuick(): void {
    const { stopping } = this.#table;
    this.#table.stop(stopping === "quick" || stopping === "now" ? "now" : "quick");
  }

  async #handleHup(): Promise<void> {
    if (this.#table.stopping !== null) return;
    this.#supervisor.reloading();
    let config: Config;
    try {
      config = await this.#reloadConfig();
    } catch (error) {
      return this.#cannotReload(error);
    }
    const number = ++this.#reloads;
    const prepared = Promise.allSettled([HookModule.load(config, this.#log)])
      .then(([hooks]) => ({ number, config, hooks }));
    // With none there is nothing to wait for, and what comes behind HUP finds it done.
    if (config.hooks === null) return await this.prepared(await prepared);
    // A module that takes its time must hold up neither a stop nor a replacement.
    prepared.then((reload) => this.#inbox.push({ type: "prepared", reload }));
  }

  /** Runs when the hooks of a reload are there: the rest of HUP. */
  async prepared({ number, config, hooks }: PreparedReload): Promise<void> {
    if (number === this.#reloads) this.#prepared = number;
    const isOvertaken = this.#table.stopping !== null || number !== this.#reloads;
    if (hooks.status === "rejected") {
      return isOvertaken ? undefined : this.#cannotReload(hooks.reason);
    }
    if (isOvertaken) return hooks.value.close();
    try {
      await this.#begin(config, hooks.value);
    } catch (error) {
      hooks.value.close();
      this.#cannotReload(error);
    }
  }

  async #begin(config: Config, hooks: HookModule): Promise<void> {
    const opened = await this.#fleet.sockets.open(config);
    const generation = this.#table.reload(limitsOf(opened), now());
    this.#fleet.generations.begin(generation, opened);
    this.#hooks.begin(generation, hooks);
    hooks.notify("onReload");
  }

  #cannotReload(error: unknown): void {
    if (!(error instanceof DenicornError)) throw error;
    this.#log.error(`Cannot reload, all stays as it was: ${error.message}`);
  }

  /** Runs when files have changed that procs have read: see Reloader. */
  async filesChanged(files: readonly string[]): Promise<void> {
    const others = files.length > 1 ? ` and ${files.length - 1} more` : "";
    this.#log.info(`${files[0]}${others} changed: reloading`);
    await this.#handleHup();
  }

  #handleUsr1(): void {
    this.#log.reopen();
    giveAccessLog(this.#fleet.generations.config, this.#log);
    this.#fleet.tellAll({ type: "reopen_logs" });
  }

  #handleUsr2(): void {
    if (this.#table.stopping !== null) return;
    if (this.#successor !== null || this.#fleet.sockets.predecessor.lives) {
      return this.#log.warning("There are two managers already: stop one of them with TERM first");
    }
    if (this.#runsPreExec) {
      return this.#log.warning("A new manager is about to start already: the hook preExec runs");
    }
    if (this.#commandLine === null) {
      return this.#log.error("Cannot start a new manager: how this one was started is unknown");
    }
    if (!this.#hooks.inForce.has("preExec")) return this.#startSuccessor(this.#commandLine);
    this.#runsPreExec = true;
    // As in HUP: a hook that takes its time must hold up neither a stop nor a replacement.
    this.#hooks.inForce.run("preExec").then(() => this.#inbox.push({ type: "pre_exec_over" }));
  }

  /** Runs when the hook preExec is waited for no longer: the rest of USR2. */
  preExecOver(): void {
    this.#runsPreExec = false;
    if (this.#table.stopping !== null || this.#commandLine === null) return;
    this.#startSuccessor(this.#commandLine);
  }

  #startSuccessor(commandLine: CommandLine): void {
    const { sockets, steering, generations } = this.#fleet;
    try {
      this.#requireFile();
    } catch (error) {
      return this.#log.error(`Cannot start a new manager: ${messageOf(error)}`);
    }
    try {
      steering.suspend(TWO_MANAGERS);
      const successor = Successor.start(commandLine, {
        // What is there now, under the name that it was started by.
        cwd: this.#cwd,
        handOver: (start) => sockets.handOver(generations.config, start),
        env: this.#supervisor.env,
      });
      this.#successor = successor;
      successor.status.then((status) => this.#inbox.push({ type: "successor_exited", status }));
      this.#log.info(`A new manager, pid ${successor.pid}, starts beside this one`);
    } catch (error) {
      if (!(error instanceof DenicornError)) throw error;
      this.#log.error(error.message);
    }
  }

  /** Runs when the manager that was started beside this one has ended. */
  successorExited(status: Deno.CommandStatus): void {
    this.#successor = null;
    const how = describeExit(status);
    this.#log[status.success ? "info" : "error"](`The new manager ${how}; this one goes on`);
  }

  #handleWinch(): void {
    if (hasTerminal()) {
      this.#log.debug("SIGWINCH is ignored: a terminal sends it whenever its size changes");
    } else {
      this.#table.resize(0);
    }
  }
}
