/** The hooks that run in the manager. Without a hooks module every call is nothing. */

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

/** The hooks of a reload, which are not in force yet. */
export interface FreshHooks {
  /** Takes them on. Throws ConfigError where they could not be loaded, and then all stays as it was. */
  adopt(): void;
  discard(): void;
}

export class ManagerHooks {
  readonly #log: Log;
  #config: Config;
  #thread: HookThread | null;

  private constructor(config: Config, log: Log, thread: HookThread | null) {
    this.#config = config;
    this.#log = log;
    this.#thread = thread;
  }

  /** Throws ConfigError where the module cannot be loaded. */
  static async load(config: Config, log: Log): Promise<ManagerHooks> {
    return new ManagerHooks(config, log, await loadThread(config, log));
  }

  /** Loads the module anew, as it is now. Never rejects: what is wrong is told by `adopt`. */
  async prepare(config: Config): Promise<FreshHooks> {
    const [loaded] = await Promise.allSettled([loadThread(config, this.#log)]);
    const fresh = loaded.status === "fulfilled" ? loaded.value : null;
    return {
      adopt: () => {
        if (loaded.status === "rejected") throw loaded.reason;
        this.#thread?.close();
        this.#thread = fresh;
        this.#config = config;
      },
      discard: () => fresh?.close(),
    };
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

async function loadThread({ hooks }: Config, log: Log): Promise<HookThread | null> {
  return hooks === null ? null : await HookThread.load(hooks, log);
}
