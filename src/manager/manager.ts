/** The manager's story: start the procs, watch them, stop them. It serves no request itself. */

import type { Config } from "../config/config.ts";
import {
  AppLoadError,
  BootError,
  ConfigError,
  DenicornError,
  ExitCode,
  SystemError,
} from "../errors.ts";
import type { ErrorLog } from "../log/error_log.ts";
import { libcUnavailable } from "../os/libc.ts";
import type { ManagerToProc, ProcToManager } from "../protocol/control.ts";
import { ControlListener } from "./control_listener.ts";
import type { Decision } from "./decision.ts";
import { describeExit } from "./departure.ts";
import { Generations } from "./generations.ts";
import { Inbox, type ManagerEvent } from "./inbox.ts";
import { limitsOf } from "./limits.ts";
import { type Failure, withTrace } from "./proc.ts";
import { ProcHandle } from "./proc_handle.ts";
import { ProcTable } from "./proc_table.ts";
import { hasTerminal, listenToSignals, type ManagerSignal } from "./signals.ts";
import { Sockets } from "./sockets.ts";
import { Steering } from "./steering.ts";

/** The loop looks around at least so often, milliseconds. */
const MAX_WAIT_MS = 1_000;
/** Later than it wanted by more than this, the manager itself was stopped or starved. */
const STALL_MS = 1_000;

/** A process that dies of these was asked to. */
const ASKING_SIGNALS: readonly Deno.Signal[] = ["SIGINT", "SIGTERM", "SIGQUIT"];

export interface ManagerOptions {
  /** The command line, for a new manager beside this one (USR2). */
  readonly argv: readonly string[];
  /** Reads the configuration again (HUP). Throws where it is wrong. */
  readonly reloadConfig: () => Promise<Config>;
  /** Says what runs where, once the addresses are known. */
  readonly announce: (config: Config) => void;
}

/** Runs until told to stop. Throws the error that ended it, where one did. */
export async function runManager(
  config: Config,
  log: ErrorLog,
  options: ManagerOptions,
): Promise<ExitCode> {
  return await new Manager(config, log, options).run();
}

class Manager {
  readonly #log: ErrorLog;
  readonly #options: ManagerOptions;
  readonly #inbox = new Inbox<ManagerEvent>();
  readonly #handles = new Map<number, ProcHandle>();
  readonly #listener = new ControlListener();
  readonly #table: ProcTable;
  readonly #sockets: Sockets;
  readonly #steering: Steering;
  #generations!: Generations;
  #config: Config;
  #failure: Failure | null = null;

  constructor(config: Config, log: ErrorLog, options: ManagerOptions) {
    this.#config = config;
    this.#log = log;
    this.#options = options;
    this.#table = new ProcTable(limitsOf(config));
    this.#sockets = new Sockets(log);
    this.#steering = new Steering({
      send: (id, bind, program) => this.#tell(id, { type: "steer", bind, program }),
      log,
      impossible: libcUnavailable(),
    });
  }

  async run(): Promise<ExitCode> {
    // From the first moment: a signal that comes while procs boot must not leave them behind.
    using _signals = listenToSignals((signal) => this.#inbox.push({ type: "signal", signal }));
    try {
      await this.#start();
      await this.#watch();
    } finally {
      this.#sockets.close();
      this.#listener.close();
      for (const handle of this.#handles.values()) handle.hardKill();
    }
    if (this.#failure !== null) throw this.#errorOf(this.#failure);
    this.#log.info("Stopped");
    return ExitCode.ok;
  }

  async #start(): Promise<void> {
    this.#generations = await Generations.start(this.#sockets, this.#config);
    this.#config = this.#generations.config;
    this.#options.announce(this.#sockets.shown(this.#config));
  }

  async #watch(): Promise<void> {
    for (;;) {
      for (const decision of this.#table.decide(now())) this.#carryOut(decision);
      // Shared sockets would go on queueing connections that nobody is to serve.
      if (this.#table.stopping !== null) this.#sockets.close();
      if (this.#table.isOver) return;
      const asked = now();
      const wait = Math.min(MAX_WAIT_MS, this.#table.deadline(asked) - asked);
      const events = await this.#inbox.take(wait);
      const late = now() - asked - wait;
      if (late > STALL_MS) this.#table.forgive(late);
      for (const event of events) await this.#handle(event);
    }
  }

  // What comes in.

  async #handle(event: ManagerEvent): Promise<void> {
    switch (event.type) {
      case "signal":
        return await this.#handleSignal(event.signal);
      case "message":
        return this.#handleMessage(event.id, event.message);
      case "lost":
        return this.#handleLost(event.id, event.error);
      case "exited":
        return this.#handleExited(event.id, event.status);
    }
  }

  #handleSignal(signal: ManagerSignal): Promise<void> | void {
    this.#log.info(`Signal ${signal}`);
    switch (signal) {
      case "SIGTERM":
        return this.#table.stop("graceful");
      case "SIGINT":
      case "SIGQUIT":
        return this.#handleQuick();
      case "SIGHUP":
        return this.#handleHup();
      case "SIGTTIN":
        return this.#table.resize(this.#table.target + 1);
      case "SIGTTOU":
        return this.#table.resize(Math.max(1, this.#table.target - 1));
      case "SIGUSR1":
        return this.#handleUsr1();
      case "SIGUSR2":
        return this.#log.warning("SIGUSR2 has no effect in this version");
      case "SIGWINCH":
        return this.#handleWinch();
    }
  }

  /** A second one is a person who does not want to wait. */
  #handleQuick(): void {
    const { stopping } = this.#table;
    this.#table.stop(stopping === "quick" || stopping === "now" ? "now" : "quick");
  }

  async #handleHup(): Promise<void> {
    if (this.#table.stopping !== null) return;
    try {
      const fresh = await this.#options.reloadConfig();
      const config = await this.#sockets.open(fresh);
      this.#generations.begin(this.#table.reload(limitsOf(config), now()), config);
    } catch (error) {
      if (!(error instanceof DenicornError)) throw error;
      this.#log.error(`Cannot reload, all stays as it was: ${error.message}`);
    }
  }

  #handleUsr1(): void {
    this.#log.reopen();
    this.#tellAll({ type: "reopen_logs" });
  }

  #handleWinch(): void {
    if (hasTerminal()) {
      this.#log.debug("SIGWINCH is ignored: a terminal sends it whenever its size changes");
    } else {
      this.#table.resize(0);
    }
  }

  #handleMessage(id: number, message: ProcToManager): void {
    const proc = this.#table.get(id);
    if (proc === undefined) return;
    switch (message.type) {
      case "hello":
        return; // a second one; the first was the listener's
      case "loaded":
        return this.#table.loaded(id, now());
      case "ready":
        this.#steering.listening(id, this.#generations.of(proc.generation).bind, now());
        this.#table.ready(id, now());
        return this.#log.info(`${this.#name(id)} is ready`);
      case "boot_failed":
        return this.#table.bootFailed(id, {
          exitCode: message.exit_code,
          message: message.message,
          trace: message.trace,
        });
      case "heartbeat":
        return this.#table.heartbeat(id, message.stats, now());
      case "log":
        return message.records.forEach((record) => this.#log.write(record));
      case "replace_me":
        this.#log[message.hung ? "error" : "info"](
          `${this.#name(id)} is to be replaced: ${message.why}`,
        );
        return this.#table.wishes(id, { why: message.why, hung: message.hung });
      case "leaving":
        this.#log.info(`${this.#name(id)} leaves: ${message.why}`);
        if (message.graceful) this.#steering.leave(id);
        return this.#table.goes(id, message.graceful, now());
      case "unlistened":
        return this.#steering.closed(id, proc.heardAt, now());
      case "steered":
        return this.#steering.steered(id, message.error);
      case "logs_reopened":
        return;
    }
  }

  #handleLost(id: number, error: string | null): void {
    if (error !== null) this.#log.error(`${this.#name(id)} speaks nonsense: ${error}`);
    this.#table.lost(id, now());
  }

  #handleExited(id: number, status: Deno.CommandStatus): void {
    const name = this.#name(id);
    const how = `${name} ${describeExit(status)}`;
    this.#handles.delete(id);
    // Too young to have its own handlers yet, or told by somebody who knows it.
    if (status.signal !== null && ASKING_SIGNALS.includes(status.signal)) {
      this.#table.goes(id, false, now());
    }
    const proc = this.#table.get(id);
    if (proc === undefined) return;
    // At the first start, and of a canary, it is said once, by the error or by the failed reload.
    const isTold = !this.#table.booted || this.#table.isCanary(proc);
    this.#steering.closed(id, proc.heardAt, now());
    this.#table.exited(id, how, now());
    this.#generations.forget(this.#table.procs);
    if (proc.state !== "leaving") {
      if (!isTold) this.#log.error(proc.failure === null ? how : withTrace(proc.failure));
    } else if (proc.killed || status.success) this.#log.info(`${name} has left`);
    else this.#log.warning(how);
  }

  // What goes out.

  #carryOut(decision: Decision): void {
    switch (decision.type) {
      case "spawn":
        return this.#spawn(decision);
      case "listen":
        this.#steering.told(decision.id, now());
        return void this.#tell(decision.id, { type: "listen" });
      case "drain":
        return void this.#drain(decision);
      case "stop":
        return this.#handles.get(decision.id)?.stop();
      case "kill":
        if (decision.why !== null) {
          this.#log.error(`${this.#name(decision.id)} is killed: ${decision.why}`);
        }
        return this.#handles.get(decision.id)?.hardKill();
      case "reload_committed":
        return this.#adopt(decision.generation, decision.outdated);
      case "reload_abandoned":
        return this.#abandon(decision.generation, decision.failure);
      case "fail":
        this.#failure = decision.failure;
        return;
    }
  }

  #spawn({ id, generation, replaces, why }: Extract<Decision, { type: "spawn" }>): void {
    const config = this.#generations.of(generation);
    const options = { id, config, listener: this.#listener, inbox: this.#inbox };
    try {
      const handle = this.#sockets.passTo(config, () => new ProcHandle(options));
      this.#handles.set(id, handle);
    } catch (error) {
      if (!(error instanceof DenicornError)) throw error;
      const { message, exitCode } = error;
      this.#table.bootFailed(id, { exitCode, message, trace: "" });
      this.#table.exited(id, message, now());
      return this.#log.error(message);
    }
    const purpose = replaces === null ? "" : `, to replace proc ${replaces} (${why})`;
    this.#log.info(`${this.#name(id)} starts${purpose}`);
  }

  /** Nobody else is to come to a proc that leaves, as long as there are others. */
  async #drain({ id, reason, lingerMs, why }: Extract<Decision, { type: "drain" }>): Promise<void> {
    this.#log.info(`${this.#name(id)} is to leave: ${why}`);
    if (reason !== "stop") await this.#steering.leave(id);
    this.#handles.get(id)?.softKill(reason, lingerMs);
  }

  #adopt(generation: number, outdated: number): void {
    this.#generations.commit(generation);
    this.#config = this.#generations.config;
    this.#log.info(`The reload's first proc is ready; ${outdated} are to be replaced`);
  }

  #abandon(generation: number, failure: Failure): void {
    this.#generations.abandon(generation);
    this.#generations.forget(this.#table.procs);
    this.#log.error(`Cannot reload, all stays as it was: ${withTrace(failure)}`);
  }

  #tell(id: number, message: ManagerToProc): boolean {
    return this.#handles.get(id)?.send(message) ?? false;
  }

  #tellAll(message: ManagerToProc): void {
    for (const id of this.#handles.keys()) this.#tell(id, message);
  }

  #name(id: number): string {
    const handle = this.#handles.get(id);
    return handle === undefined ? `Proc ${id}` : `Proc ${id}, pid ${handle.pid},`;
  }

  /** What the command line prints. The log gets it too where that is elsewhere. */
  #errorOf(failure: Failure): DenicornError {
    if (this.#config.error_log !== "-") this.#log.critical(withTrace(failure));
    const { exitCode, message, trace } = failure;
    switch (exitCode) {
      case ExitCode.app:
        return new AppLoadError(message, trace);
      case ExitCode.system:
        return new SystemError(message);
      case ExitCode.usage:
        return new ConfigError(message);
      default:
        return new BootError(trace === "" ? message : `${message}\n${trace}`);
    }
  }
}

/** A clock that only goes forward, whatever is done to the machine's time. */
function now(): number {
  return performance.now();
}
