/** The manager's story: start the procs, watch them, stop them. It serves no request itself. */

import type { Config } from "../config/config.ts";
import { ExitCode } from "../errors.ts";
import type { ErrorLog } from "../log/error_log.ts";
import { describe, surviveUncaughtErrors } from "../log/uncaught.ts";
import { Reaper } from "../os/reaper.ts";
import { losesQueues, MIGRATE_ADVICE } from "../os/sysctl.ts";
import { setProcessTitle } from "../os/title.ts";
import type { ProcStats, ProcToManager } from "../protocol/control.ts";
import type { Decision } from "./decision.ts";
import { describeExit } from "./departure.ts";
import { errorOf, type Failure, withTrace } from "./failure.ts";
import { Fleet } from "./fleet.ts";
import { ManagerHooks } from "./hooks.ts";
import { Inbox, type ManagerEvent } from "./inbox.ts";
import { limitsOf } from "./limits.ts";
import { giveAccessLog } from "./log_owner.ts";
import { Milestones } from "./milestones.ts";
import { PidfileKeeper } from "./pidfile_keeper.ts";
import { ProcTable } from "./proc_table.ts";
import { type OrderOptions, Orders, TWO_MANAGERS } from "./orders.ts";
import { Reloader } from "./reloader.ts";
import { listenToSignals } from "./signals.ts";
import type { InheritedSockets } from "./sockets.ts";

/** The loop looks around at least so often, milliseconds. */
const MAX_WAIT_MS = 1_000;
/** Later than it wanted by more than this, the manager itself was stopped or starved. */
const STALL_MS = 1_000;

/** A process that dies of these was asked to. */
const STOPPING_SIGNALS: readonly Deno.Signal[] = ["SIGINT", "SIGTERM", "SIGQUIT"];

export interface ManagerOptions extends OrderOptions {
  /** Says what runs where, once the addresses are known. */
  readonly announce: (config: Config) => void;
  /** Sockets that were there when the process began. */
  readonly inherited: InheritedSockets;
}

/** Runs until told to stop. Throws the error that ended it, where one did. */
export async function runManager(
  config: Config,
  log: ErrorLog,
  options: ManagerOptions,
): Promise<ExitCode> {
  const inbox = new Inbox<ManagerEvent>();
  surviveUncaughtErrors(log);
  let opening = true;
  // From the first moment: a signal that comes while procs boot must not leave them behind. Before
  // that there is nothing to stop but the wait for an address in use.
  using _signals = listenToSignals((signal) => {
    if (opening && STOPPING_SIGNALS.includes(signal)) Deno.exit(ExitCode.ok);
    inbox.push({ type: "signal", signal });
  });
  const hooks = await ManagerHooks.load(config, log);
  using fleet = await Fleet.open(config, { log, inbox, inherited: options.inherited });
  opening = false;
  return await new Manager({ fleet, hooks, inbox, log }, options).run();
}

interface Parts {
  readonly fleet: Fleet;
  readonly hooks: ManagerHooks;
  readonly inbox: Inbox<ManagerEvent>;
  readonly log: ErrorLog;
}

class Manager {
  readonly #fleet: Fleet;
  readonly #hooks: ManagerHooks;
  readonly #inbox: Inbox<ManagerEvent>;
  readonly #log: ErrorLog;
  readonly #options: ManagerOptions;
  readonly #table: ProcTable;
  readonly #orders: Orders;
  readonly #reaper: Reaper | null;
  readonly #pidfile: PidfileKeeper;
  readonly #milestones: Milestones;
  #reloader: Reloader | null = null;
  #failure: Failure | null = null;

  constructor(parts: Parts, options: ManagerOptions) {
    const { fleet } = parts;
    this.#fleet = fleet;
    this.#hooks = parts.hooks;
    this.#inbox = parts.inbox;
    this.#log = parts.log;
    this.#options = options;
    this.#table = new ProcTable(limitsOf(this.#config));
    this.#milestones = new Milestones({ ...parts, table: this.#table });
    this.#orders = new Orders({ ...options, ...parts, table: this.#table });
    this.#pidfile = new PidfileKeeper(parts.log, fleet.sockets.predecessor);
    const isOurs = (pid: number) => fleet.has(pid) || this.#orders.successor?.pid === pid;
    this.#reaper = Reaper.isNeeded() ? new Reaper(isOurs) : null;
  }

  async run(): Promise<ExitCode> {
    try {
      await this.#start();
      await this.#watch();
    } finally {
      this.#reloader?.close();
      await this.#hooks.run("onExit");
      this.#hooks.close();
      this.#pidfile.close();
    }
    if (this.#failure !== null) throw errorOf(this.#failure);
    this.#log.info("Stopped");
    return ExitCode.ok;
  }

  /** The one in force. */
  get #config(): Config {
    return this.#fleet.generations.config;
  }

  async #start(): Promise<void> {
    this.#pidfile.write(this.#config.pid);
    setProcessTitle(`${this.#config.proc_name}: manager`);
    if (this.#fleet.sockets.predecessor.lives) this.#fleet.steering.suspend(TWO_MANAGERS);
    giveAccessLog(this.#config, this.#log);
    this.#options.announce(this.#fleet.sockets.shown(this.#config));
    // Each proc has a queue of its own where it binds an address itself.
    const ownQueues = this.#config.bind.some(({ transport }) => transport === "tcp");
    if (ownQueues && losesQueues()) this.#log.info(MIGRATE_ADVICE);
    this.#reloader = new Reloader(this.#config, this.#log, this.#inbox);
    await this.#hooks.run("onStarting");
  }

  async #watch(): Promise<void> {
    let before = now();
    for (;;) {
      for (const decision of this.#table.decide(now())) this.#carryOut(decision);
      this.#milestones.tell();
      // Shared sockets would go on queueing connections that nobody is to serve.
      if (this.#table.stopping !== null) {
        this.#fleet.sockets.close({ keepFiles: this.#orders.successor !== null });
      }
      if (this.#table.isOver) return;
      const wait = Math.min(MAX_WAIT_MS, this.#table.deadline(now()) - now());
      for (
        let events = await this.#inbox.take(wait);
        events.length > 0;
        // What has piled up meanwhile comes before any decision: it may be somebody's sign of life.
        events = await this.#inbox.take(0)
      ) {
        for (const event of events) await this.#survive(() => this.#handle(event));
      }
      this.#reaper?.sweep();
      this.#pidfile.keep(this.#config.pid);
      this.#steer();
      const stall = now() - before - MAX_WAIT_MS;
      if (stall > STALL_MS) this.#table.forgive(stall);
      before = now();
    }
  }

  #steer(): void {
    const { steering, sockets } = this.#fleet;
    // Nothing tells of the end of a process that is not one's child.
    if (this.#orders.successor === null && !sockets.predecessor.lives) steering.resume(now());
    steering.settle(now());
  }

  /** A fault of ours in one event must not end the server: that would cost every request. */
  async #survive(step: () => Promise<void>): Promise<void> {
    try {
      await step();
    } catch (error) {
      this.#log.critical(`The manager has a fault, and goes on: ${describe(error)}`);
    }
  }

  // What comes in.

  async #handle(event: ManagerEvent): Promise<void> {
    switch (event.type) {
      case "signal":
        return await this.#orders.handle(event.signal);
      case "message":
        return this.#handleMessage(event.id, event.message);
      case "lost":
        return this.#handleLost(event.id, event.error);
      case "exited":
        return this.#handleExited(event.id, event.status);
      case "files_changed":
        return await this.#orders.filesChanged(event.files);
      case "prepared":
        return await this.#orders.prepared(event.reload);
      case "pre_exec_over":
        return this.#orders.preExecOver();
      case "successor_exited":
        return this.#orders.successorExited(event.status);
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
      case "log":
        return message.records.forEach((record) => this.#log.write(record));
      case "replace_me":
        this.#log[message.hung ? "error" : "info"](
          `${this.#fleet.name(id)} is to be replaced: ${message.why}`,
        );
        return this.#table.wishes(id, { why: message.why, hung: message.hung });
      case "leaving":
        this.#log.info(`${this.#fleet.name(id)} leaves: ${message.why}`);
        if (message.graceful) this.#fleet.steering.leave(id);
        return this.#table.goes(id, message.graceful, now());
      case "unlistened":
        return this.#fleet.steering.closed(id, proc.heardAt, now());
      case "steered":
        return this.#fleet.steering.steered(id, message.error);
      case "sources":
        return this.#reloader?.add(message.files);
      case "logs_reopened":
        return;
    }
  }

  #steerByLoad(id: number, { in_flight, sessions }: ProcStats): void {
    const { max_connections } = this.#config;
    const full = max_connections > 0 && sessions >= max_connections;
    this.#fleet.steering.load(id, in_flight, full);
  }

  #handleLost(id: number, error: string | null): void {
    if (error !== null) this.#log.error(`${this.#fleet.name(id)} speaks nonsense: ${error}`);
    this.#table.lost(id, now());
  }

  #handleExited(id: number, status: Deno.CommandStatus): void {
    const name = this.#fleet.name(id);
    const pid = this.#fleet.pidOf(id);
    const how = `${name} ${describeExit(status)}`;
    this.#fleet.forget(id);
    // Too young to have its own handlers yet, or told by somebody who knows it.
    const wasAsked = status.signal !== null && STOPPING_SIGNALS.includes(status.signal);
    if (wasAsked) this.#table.goes(id, false, now());
    const proc = this.#table.get(id);
    if (proc === undefined) return;
    // At the first start, and of a canary, it is said once, by the error or by the failed reload.
    const isTold = !this.#table.booted || this.#table.isCanary(proc);
    this.#fleet.steering.closed(id, proc.heardAt, now());
    const { code, signal } = status;
    const expected = proc.state === "leaving";
    this.#hooks.notify("childExit", { id, pid }, { code, signal, expected });
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

  // What goes out.

  #carryOut(decision: Decision): void {
    switch (decision.type) {
      case "spawn":
        return void this.#spawn(decision);
      case "listen":
        this.#fleet.steering.told(decision.id, now());
        return void this.#fleet.tell(decision.id, { type: "listen" });
      case "drain":
        this.#log.info(`${this.#fleet.name(decision.id)} is to leave: ${decision.why}`);
        return void this.#fleet.drain(decision);
      case "stop":
        return this.#fleet.stop(decision.id);
      case "kill":
        if (decision.why !== null) {
          this.#log.error(`${this.#fleet.name(decision.id)} is killed: ${decision.why}`);
        }
        return this.#fleet.kill(decision.id);
      case "reload_committed":
        return this.#adopt(decision.generation, decision.outdated);
      case "reload_abandoned":
        return this.#abandon(decision.generation, decision.failure);
      case "fail":
        this.#failure = decision.failure;
    }
  }

  async #spawn(
    { id, generation, replaces, why }: Extract<Decision, { type: "spawn" }>,
  ): Promise<void> {
    if (this.#hooks.has("preSpawn")) {
      await this.#hooks.run("preSpawn", { id, pid: 0 });
      // Meanwhile it may have turned out that it is not needed.
      if (this.#table.get(id)?.state !== "booting") return this.#table.exited(id, "", now());
    }
    const failure = this.#fleet.spawn(id, generation);
    if (failure !== null) {
      this.#table.bootFailed(id, failure);
      // At the first start it is said once, by the error that ends the server.
      if (this.#table.booted) this.#log.error(failure.message);
      return this.#table.exited(id, failure.message, now());
    }
    const purpose = replaces === null ? "" : `, to replace proc ${replaces} (${why})`;
    this.#log.info(`${this.#fleet.name(id)} starts${purpose}`);
  }

  #adopt(generation: number, outdated: number): void {
    this.#fleet.generations.commit(generation);
    this.#reloader?.follow(this.#config);
    this.#log.info(`The reload's first proc is ready; ${outdated} to replace`);
  }

  #abandon(generation: number, failure: Failure): void {
    this.#reloader?.follow(this.#fleet.generations.of(generation));
    this.#fleet.generations.abandon(generation);
    this.#fleet.generations.forget(this.#table.procs);
    this.#log.error(`Cannot reload, all stays as it was: ${withTrace(failure)}`);
  }
}

/** A clock that only goes forward, whatever is done to the machine's time. */
function now(): number {
  return performance.now();
}
