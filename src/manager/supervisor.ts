/**
 * Who supervises this manager (systemd), as the manager sees it: what it is told, and when.
 *
 * After USR2 there are two managers that know it. It heeds the main process alone (NotifyAccess=main):
 * the old one, until that one goes and names the other. Where it heeds any process the new one's words
 * do no harm, since it says nothing of its own end while the old one lives.
 */

import { whatServes } from "../log/banner.ts";
import type { NotifySocket } from "../os/sockets/notify_socket.ts";
import { DRAIN_LINGER_MS } from "../protocol/control/control.ts";
import type { Fleet } from "./fleet/fleet.ts";
import { leaveWithinMs, limitsOf } from "./table/limits.ts";
import type { Proc } from "./table/proc.ts";
import type { ProcTable } from "./table/proc_table.ts";

interface Parts {
  /** Null where nobody supervises. */
  readonly notify: NotifySocket | null;
  readonly fleet: Fleet;
  readonly table: ProcTable;
}

/** What Orders know. */
interface UnderWay {
  readonly successor: { readonly pid: number } | null;
  readonly isPreparing: boolean;
}

export class Supervisor {
  readonly #socket: NotifySocket | null;
  readonly #fleet: Fleet;
  readonly #table: ProcTable;
  /** The generation that was last seen to serve alone. */
  #renewed: number;
  #isBeside: boolean;
  #saidReady = false;
  #saidState = "";
  #saidEnd = false;
  #isAnothers = false;

  constructor({ notify, fleet, table }: Parts) {
    this.#socket = notify;
    this.#fleet = fleet;
    this.#table = table;
    this.#renewed = table.generation;
    this.#isBeside = fleet.sockets.predecessor.lives;
  }

  /** What a new manager beside this one (USR2) has to find in its environment. */
  get env(): Readonly<Record<string, string>> {
    return this.#socket?.env ?? {};
  }

  /** When `tell` has to be called at the latest, though nothing happened. */
  get deadline(): number {
    return this.#isAnothers ? Infinity : this.#socket?.pingAt ?? Infinity;
  }

  /** A reload is asked for: to be said before it is tried, since it may fail at once. */
  reloading(): void {
    this.#saidReady = false;
    this.#saidState = "";
    this.#socket?.reloading();
  }

  /** To be called after each round of decisions. */
  tell(underWay: UnderWay, now: number): void {
    const socket = this.#socket;
    if (socket === null || this.#isAnothers) return;
    socket.ping(now);
    if (this.#table.stopping !== null) return this.#tellEnd(socket, underWay);
    if (this.#isBeside && !this.#fleet.sockets.predecessor.lives) {
      // What was said before may not have been heeded.
      this.#isBeside = this.#saidReady = false;
    }
    if (this.#table.isRenewed) this.#renewed = this.#table.generation;
    const { booted, generation, target } = this.#table;
    const isTrying = underWay.isPreparing || this.#fleet.generations.isTrying;
    if (!booted) this.#tellProgress(socket, "Starting", this.#serving());
    else if (isTrying) this.#tellProgress(socket, "Reloading", 0);
    // After WINCH there are to be no procs, and nothing more comes of a reload.
    else if (generation !== this.#renewed && target > 0) {
      this.#tellProgress(socket, "Reloading", this.#serving(generation));
    } else this.#tellReady(socket);
  }

  #tellReady(socket: NotifySocket): void {
    const { target, generation } = this.#table;
    // More than are wanted serve for a moment, whenever one is replaced.
    const serving = Math.min(target, this.#serving());
    // Told cheaply, since each heartbeat is a round: the words are made when they are needed.
    const state = `${serving} of ${target}, generation ${generation}`;
    if (this.#saidReady && state === this.#saidState) return;
    const status = this.#status(serving);
    if (this.#saidReady) socket.status(status);
    else socket.ready(status);
    this.#saidReady = true;
    this.#saidState = state;
  }

  /** Each step has the time that a proc may take to boot. */
  #tellProgress(socket: NotifySocket, what: string, done: number): void {
    const state = `${what}: ${done} of ${this.#table.target} worker processes`;
    const { boot_timeout } = this.#fleet.generations.config;
    if (state !== this.#saidState) socket.status(state, boot_timeout * 1000);
    this.#saidState = state;
  }

  #tellEnd(socket: NotifySocket, { successor }: UnderWay): void {
    if (this.#saidEnd) return;
    this.#saidEnd = true;
    if (successor !== null) {
      this.#isAnothers = true;
      socket.send({ MAINPID: successor.pid });
    } else if (!this.#fleet.sockets.predecessor.lives) {
      socket.stopping(leaveWithinMs(limitsOf(this.#fleet.generations.config), DRAIN_LINGER_MS));
    }
  }

  #status(serving: number): string {
    const { target } = this.#table;
    if (target === 0) return "No worker process is to serve (WINCH)";
    const { generations, sockets } = this.#fleet;
    const all = whatServes({ ...sockets.shown(generations.config), workers: target });
    return serving < target ? `${serving} of ${all}` : all;
  }

  /** How many procs serve: of this generation, where one is named. */
  #serving(generation?: number): number {
    const isOne = (proc: Proc) => generation === undefined || proc.generation === generation;
    return this.#table.procs.filter((proc) => proc.state === "ready" && isOne(proc)).length;
  }
}
