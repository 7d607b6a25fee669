/** The manager's story: start the procs, watch them, stop them. It serves no request itself. */

import type { Config } from "../config/config.ts";
import { ExitCode } from "../errors.ts";
import type { ErrorLog } from "../log/error_log.ts";
import { describe, surviveUncaughtErrors } from "../log/uncaught.ts";
import { Reaper } from "../os/process/reaper.ts";
import { losesQueues, MIGRATE_ADVICE } from "../os/listen/sysctl.ts";
import type { NotifySocket } from "../os/sockets/notify_socket.ts";
import { setProcessTitle } from "../os/process/title.ts";
import { now } from "./clock.ts";
import type { Decision } from "./table/decision.ts";
import { errorOf, type Failure, withTrace } from "./table/failure.ts";
import { Fleet } from "./fleet/fleet.ts";
import { HookModule, ManagerHooks } from "./hooks.ts";
import { Inbox, type ManagerEvent } from "./inbox.ts";
import { limitsOf } from "./table/limits.ts";
import { giveAccessLog } from "./log_owner.ts";
import { Milestones } from "./milestones.ts";
import { PidfileKeeper } from "./pidfile_keeper.ts";
import { ProcTable } from "./table/proc_table.ts";
import { type OrderOptions, Orders, TWO_MANAGERS } from "./orders.ts";
import { Reloader } from "./watch/reloader.ts";
import { Reports } from "./reports.ts";
import { listenToSignals, STOPPING_SIGNALS } from "./signals.ts";
import { type InheritedSockets, Sockets } from "./sockets/sockets.ts";
import { Supervisor } from "./supervisor.ts";

/** The loop looks around at least so often, milliseconds. */
const MAX_WAIT_MS = 1_000;
/** Later than it wanted by more than this, the manager itself was stopped or starved. */
const STALL_MS = 1_000;

export interface ManagerOptions extends OrderOptions {
  /** Says what runs where, once the addresses are known. */
  readonly announce: (config: Config) => void;
  /** Sockets that were there when the process began. */
  readonly inherited: InheritedSockets;
  /** To systemd; null where nobody wants to be told anything. */
  readonly notify: NotifySocket | null;
}

/** Runs until told to stop. Throws the error that ended it, where one did. */
export async function runManager(
  config: Config,
  log: ErrorLog,
  options: ManagerOptions,
): Promise<ExitCode> {
  const inbox = new Inbox<ManagerEvent>();
  surviveUncaughtErrors(log);
  // The hooks may take as long, and the procs once more.
  options.notify?.status("Starting", config.boot_timeout * 1000);
  const sockets = new Sockets(log, options.inherited);
  using pidfile = new PidfileKeeper(log, sockets.predecessor);
  let opening = true;
  // From the first moment: a signal that comes while procs boot must not leave them behind. Before
  // that there is nothing to stop but the wait for a pid file or an address in use.
  using _signals = listenToSignals((signal) => {
    if (opening && STOPPING_SIGNALS.includes(signal)) {
      pidfile.close();
      Deno.exit(ExitCode.ok);
    }
    inbox.push({ type: "signal", signal });
  });
  const hooks = new ManagerHooks(await HookModule.load(config, log));
  // Before the sockets: who connected to those of a server that is refused would be lost with it.
  await pidfile.claim(config.pid);
  using fleet = await Fleet.open(config, { log, inbox, sockets, cwd: options.cwd });
  opening = false;
  return await new Manager({ fleet, hooks, inbox, log, pidfile }, options).run();
}

interface Parts {
  readonly fleet: Fleet;
  readonly hooks: ManagerHooks;
  readonly inbox: Inbox<ManagerEvent>;
  readonly log: ErrorLog;
  readonly pidfile: PidfileKeeper;
}

class Manager {
  readonly #fleet: Fleet;
  readonly #hooks: ManagerHooks;
  readonly #inbox: Inbox<ManagerEvent>;
  readonly #log: ErrorLog;
  readonly #options: ManagerOptions;
  readonly #table: ProcTable;
  readonly #orders: Orders;
  readonly #reports: Reports;
  readonly #reaper: Reaper | null;
  readonly #pidfile: PidfileKeeper;
  readonly #milestones: Milestones;
  readonly #supervisor: Supervisor;
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
    this.#supervisor = new Supervisor({ notify: options.notify, fleet, table: this.#table });
    const supervisor = this.#supervisor;
    this.#orders = new Orders({ ...options, ...parts, supervisor, table: this.#table });
    const onSources = (files: readonly string[]) => this.#reloader?.add(files);
    this.#reports = new Reports({ ...parts, table: this.#table, onSources });
    this.#pidfile = parts.pidfile;
    const isOurs = (pid: number) => fleet.has(pid) || this.#orders.successor?.pid === pid;
    this.#reaper = Reaper.isNeeded() ? new Reaper(isOurs) : null;
  }

  async run(): Promise<ExitCode> {
    try {
      await this.#start();
      await this.#watch();
      await this.#fleet.sockets.removeDeserted();
    } finally {
      this.#reloader?.close();
      await this.#runOnExit();
      this.#hooks.close();
      this.#pidfile.close();
    }
    if (this.#failure !== null) throw errorOf(this.#failure);
    this.#log.info("Stopped");
    return ExitCode.ok;
  }

  /** The last hook. INT or QUIT twice means that nobody waits for it. */
  async #runOnExit(): Promise<void> {
    let isOver = false;
    // Whatever led here: from now on signals mean what they mean at a stop.
    this.#table.stop("graceful");
    this.#hooks.inForce.run("onExit").then(() => {
      isOver = true;
      this.#inbox.push({ type: "on_exit_over" });
    });
    while (!isOver && this.#table.stopping !== "now") {
      for (const event of await this.#inbox.take(MAX_WAIT_MS)) {
        await this.#survive(() => this.#handle(event));
      }
    }
  }

  /** The one in force. */
  get #config(): Config {
    return this.#fleet.generations.config;
  }

  async #start(): Promise<void> {
    setProcessTitle(`${this.#config.proc_name}: manager`);
    if (this.#fleet.sockets.predecessor.lives) this.#fleet.steering.suspend(TWO_MANAGERS);
    giveAccessLog(this.#config, this.#log);
    this.#options.announce(this.#fleet.sockets.shown(this.#config));
    // Each proc has a queue of its own where it binds an address itself.
    const ownQueues = this.#config.bind.some(({ transport }) => transport === "tcp");
    if (ownQueues && losesQueues()) this.#log.info(MIGRATE_ADVICE);
    this.#reloader = new Reloader(this.#config, this.#log, this.#inbox);
    await this.#hooks.inForce.run("onStarting");
  }

  async #watch(): Promise<void> {
    let before = now();
    for (;;) {
      // Shared sockets would go on queueing connections that nobody is to serve. Before procs are told
      // to leave: the last one to close a socket has to be one that looks whether somebody waits.
      if (this.#table.stopping !== null) {
        this.#fleet.sockets.close({ keepFiles: this.#orders.successor !== null });
      }
      for (const decision of this.#table.decide(now())) this.#carryOut(decision);
      this.#milestones.tell();
      this.#supervisor.tell(this.#orders, now());
      if (this.#table.isOver) return;
      const deadline = Math.min(this.#table.deadline(now()), this.#supervisor.deadline);
      const wait = Math.min(MAX_WAIT_MS, deadline - now());
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
        return this.#reports.heard(event.id, event.message);
      case "lost":
        return this.#reports.lost(event.id, event.error);
      case "exited":
        return this.#reports.exited(event.id, event.status);
      case "files_changed":
        return await this.#orders.filesChanged(event.files);
      case "prepared":
        return await this.#orders.prepared(event.reload);
      case "pre_exec_over":
        return this.#orders.preExecOver();
      case "on_exit_over":
        return;
      case "successor_exited":
        return this.#orders.successorExited(event.status);
    }
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
    const hooks = this.#hooks.of(generation);
    if (hooks.has("preSpawn")) {
      await hooks.run("preSpawn", { id, pid: 0 });
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
    this.#hooks.commit(generation);
    this.#reloader?.follow(this.#config);
    this.#pidfile.renew(this.#config.pid);
    this.#log.info(`The reload's first proc is ready; ${outdated} to replace`);
  }

  #abandon(generation: number, failure: Failure): void {
    // What is broken has to be watched, so that its repair is seen.
    this.#reloader?.look(this.#fleet.generations.of(generation));
    this.#fleet.generations.abandon(generation);
    this.#hooks.abandon(generation);
    this.#fleet.generations.forget(this.#table.procs);
    this.#log.error(`Cannot reload, all stays as it was: ${withTrace(failure)}`);
  }
}
