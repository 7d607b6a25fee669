/**
 * The hooks that run in the manager. Without a hooks module every call is nothing.
 *
 * A reload brings a module and a configuration of its own. They are in force when its first proc is
 * ready, as all the rest of it is; until then they hear of the reload and prepare that proc, no more.
 */

import type { Config } from "../config/config.ts";
import { HookThread } from "../hooks/hook_thread.ts";
import type { HookArguments, HookName, ManagerInfo } from "../hooks/hooks.ts";
import type { Log } from "../log/record.ts";

/** Those whose first argument is the manager. */
type ManagerHook = {
  [Name in HookName]: HookArguments<Name>[0] extends ManagerInfo ? Name : never;
}[HookName];

type Rest<Name extends ManagerHook> = HookArguments<Name> extends [ManagerInfo, ...infer Others]
  ? Others
  : never;

/** A module, loaded, and the configuration that its hooks are shown. */
export class HookModule {
  readonly #config: Config;
  readonly #thread: HookThread | null;

  private constructor(config: Config, thread: HookThread | null) {
    this.#config = config;
    this.#thread = thread;
  }

  /** Throws ConfigError where it cannot be loaded, BootError where that takes too long. */
  static async load(config: Config, log: Log): Promise<HookModule> {
    return new HookModule(config, await HookThread.load(config, log));
  }

  has(name: ManagerHook): boolean {
    return this.#thread?.has(name) ?? false;
  }

  /** Has a hook run, and does not wait for it. */
  notify<Name extends ManagerHook>(name: Name, ...rest: Rest<Name>): void {
    this.#thread?.notify(name, ...this.#arguments(rest));
  }

  /** Has a hook run, and waits for it, for a bounded time. */
  async run<Name extends ManagerHook>(name: Name, ...rest: Rest<Name>): Promise<void> {
    await this.#thread?.run(name, ...this.#arguments(rest));
  }

  close(): void {
    this.#thread?.close();
  }

  /** The compiler cannot see that what was taken apart is put together again. */
  #arguments<Name extends ManagerHook>(rest: Rest<Name>): HookArguments<Name> {
    const manager: ManagerInfo = { pid: Deno.pid, config: { ...this.#config } };
    return [manager, ...rest] as unknown as HookArguments<Name>;
  }
}

interface Pending {
  readonly generation: number;
  readonly module: HookModule;
}

export class ManagerHooks {
  #inForce: HookModule;
  /** Of the reload that is under way. */
  #pending: Pending | null = null;

  constructor(first: HookModule) {
    this.#inForce = first;
  }

  get inForce(): HookModule {
    return this.#inForce;
  }

  /**
   * Those that prepare a proc of this generation: the canary has its own, which are what its app needs.
   * Its end is told to those in force, which outlive it.
   */
  of(generation: number): HookModule {
    return this.#pending?.generation === generation ? this.#pending.module : this.#inForce;
  }

  /** A reload begins; it overtakes one that was under way. */
  begin(generation: number, module: HookModule): void {
    this.#pending?.module.close();
    this.#pending = { generation, module };
  }

  /** Its first proc is ready. */
  commit(generation: number): void {
    if (this.#pending?.generation !== generation) return;
    this.#inForce.close();
    this.#inForce = this.#pending.module;
    this.#pending = null;
  }

  /** It has failed. */
  abandon(generation: number): void {
    if (this.#pending?.generation !== generation) return;
    this.#pending.module.close();
    this.#pending = null;
  }

  close(): void {
    this.#pending?.module.close();
    this.#inForce.close();
  }
}
