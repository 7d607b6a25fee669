/** The procs as handles: starts them, tells them, ends them, and opens and closes what they share. */

import type { Config } from "../../config/config.ts";
import { DenicornError } from "../../errors.ts";
import type { Log } from "../../log/record.ts";
import { libcUnavailable } from "../../os/libc.ts";
import type { ManagerToProc } from "../../protocol/control/control.ts";
import { ownDenoPart } from "../../launch/command_line.ts";
import { ControlListener } from "./control_listener.ts";
import type { Decision } from "../table/decision.ts";
import { inheritedFlags } from "../../launch/deno_flags.ts";
import type { Failure } from "../table/failure.ts";
import { Generations } from "./generations.ts";
import type { Inbox, ManagerEvent } from "../inbox.ts";
import { whoAccepts } from "../steering/order_probe.ts";
import { ProcHandle } from "./proc_handle.ts";
import type { Sockets } from "../sockets/sockets.ts";
import { Steering } from "../steering/steering.ts";

type Drain = Extract<Decision, { type: "drain" }>;

export interface FleetOptions {
  readonly log: Log;
  /** Where the procs' messages and ends go. */
  readonly inbox: Inbox<ManagerEvent>;
  readonly sockets: Sockets;
  /** What relative paths of Deno's own flags start from. */
  readonly cwd: string;
}

export class Fleet implements Disposable {
  readonly sockets: Sockets;
  readonly steering: Steering;
  readonly generations: Generations;
  readonly #options: FleetOptions;
  readonly #listener = new ControlListener();
  readonly #denoFlags: readonly string[];
  readonly #handles = new Map<number, ProcHandle>();

  private constructor(options: FleetOptions, generations: Generations) {
    this.#options = options;
    this.#denoFlags = inheritedFlags(ownDenoPart() ?? [], options.cwd);
    this.sockets = options.sockets;
    this.generations = generations;
    this.steering = new Steering({
      send: (id, bind, program) => this.tell(id, { type: "steer", bind, program }),
      log: options.log,
      whoAccepts: (bind) => whoAccepts(bind, new Map(this.#pids())),
      mode: () => generations.config.steering,
      impossible: libcUnavailable(),
    });
  }

  /** Opens the sockets; starts no proc yet. Throws SystemError where an address cannot be had. */
  static async open(config: Config, options: FleetOptions): Promise<Fleet> {
    return new Fleet(options, await Generations.start(options.sockets, config));
  }

  /** Starts a proc. Returns why that failed, or null. */
  spawn(id: number, generation: number): Failure | null {
    const config = this.generations.of(generation);
    const { inbox } = this.#options;
    const denoFlags = this.#denoFlags;
    const options = { id, config, denoFlags, listener: this.#listener, inbox };
    try {
      this.#handles.set(id, this.sockets.passTo(config, () => new ProcHandle(options)));
      return null;
    } catch (error) {
      if (!(error instanceof DenicornError)) throw error;
      return { exitCode: error.exitCode, message: error.message, trace: "" };
    }
  }

  /** Nobody else is to come to a proc that leaves, as long as there are others. */
  async drain({ id, reason, lingerMs }: Drain): Promise<void> {
    if (reason !== "stop") await this.steering.leave(id);
    this.#handles.get(id)?.softKill(reason, lingerMs);
  }

  /** Ends it at once, its server thread permitting. */
  stop(id: number): void {
    this.#handles.get(id)?.stop();
  }

  /** Ends it, whatever it does. */
  kill(id: number): void {
    this.#handles.get(id)?.hardKill();
  }

  /** False where the proc is not there to hear it. */
  tell(id: number, message: ManagerToProc): boolean {
    return this.#handles.get(id)?.send(message) ?? false;
  }

  tellAll(message: ManagerToProc): void {
    for (const id of this.#handles.keys()) this.tell(id, message);
  }

  /** It has ended. */
  forget(id: number): void {
    this.#handles.delete(id);
  }

  /** 0 where it does not run. */
  pidOf(id: number): number {
    return this.#handles.get(id)?.pid ?? 0;
  }

  has(pid: number): boolean {
    return [...this.#handles.values()].some((handle) => handle.pid === pid);
  }

  *#pids(): Iterable<[number, number]> {
    for (const { pid, id } of this.#handles.values()) yield [pid, id];
  }

  /** What the log calls it: the subject of a sentence. */
  name(id: number): string {
    const handle = this.#handles.get(id);
    return handle === undefined ? `Proc ${id}` : `Proc ${id}, pid ${handle.pid},`;
  }

  [Symbol.dispose](): void {
    this.sockets.close();
    this.#listener.close();
    for (const handle of this.#handles.values()) handle.hardKill();
  }
}
