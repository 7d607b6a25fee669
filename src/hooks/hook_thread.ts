/** The hooks as the process sees them from outside: a thread that is told, and seldom waited for. */

import { pathToFileURL } from "node:url";
import { BootError, ConfigError, messageOf } from "../errors.ts";
import type { Log } from "../log/record.ts";
import { sayWaiting } from "../log/say_waiting.ts";
import type { HookArguments, HookName } from "./hooks.ts";
import type { FromHooks, HookCall, ToHooks } from "./messages.ts";

/** How long a hook is waited for, milliseconds. Afterwards it may go on, but nothing waits. */
const HOOK_TIMEOUT_MS = 5_000;
/** Calls that may wait for a thread that is busy; further ones are dropped and counted. */
const MAX_WAITING_CALLS = 10_000;

/** What of the configuration says which module. */
export interface HooksConfig {
  /** Absolute path. */
  readonly hooks: string | null;
  readonly boot_timeout: number;
}

export class HookThread {
  readonly #worker: Worker;
  readonly #module: string;
  readonly #log: Log;
  readonly #loaded = Promise.withResolvers<void>();
  readonly #waiting = new Map<number, () => void>();
  #names: ReadonlySet<HookName> = new Set();
  #lastId = 0;
  /** Calls of this turn of the event loop, which leave together. */
  #calls: HookCall[] = [];
  /** Calls that were sent and not taken in yet. */
  #sent = 0;
  #dropped = 0;
  /** A hook was waited for in vain: no other is waited for until the thread shows that it lives. */
  #stuck = false;

  private constructor(module: string, log: Log) {
    this.#module = module;
    this.#log = log;
    this.#worker = new Worker(import.meta.resolve("./entry.ts"), { type: "module", name: "hooks" });
    this.#worker.onmessage = ({ data }: MessageEvent<FromHooks>) => this.#receive(data);
    this.#worker.onerror = (event) => {
      event.preventDefault();
      this.#loaded.reject(new Error(event.message));
      log.error(`Hooks: ${event.message}`);
    };
    this.#send({ type: "load", module });
  }

  /**
   * Loads the module that is configured, within `boot_timeout`; null where there is none. Throws
   * ConfigError where it cannot be loaded, BootError where that takes too long.
   */
  static async load(
    { hooks, boot_timeout }: HooksConfig,
    log: Log,
  ): Promise<HookThread | null> {
    if (hooks === null) return null;
    const thread = new HookThread(pathToFileURL(hooks).href, log);
    const cannot = `Cannot load the hooks ${hooks}`;
    const late = new BootError(`${cannot}: not loaded within boot_timeout (${boot_timeout} s)`);
    const timer = setTimeout(() => thread.#loaded.reject(late), boot_timeout * 1000);
    try {
      await sayWaiting(thread.#loaded.promise, log, `the hooks ${hooks}`);
      return thread;
    } catch (error) {
      thread.close();
      throw error === late ? late : new ConfigError(`${cannot}: ${messageOf(error)}`);
    } finally {
      clearTimeout(timer);
    }
  }

  has(name: HookName): boolean {
    return this.#names.has(name);
  }

  /** Has a hook run, and does not wait for it. */
  notify<Name extends HookName>(name: Name, ...args: HookArguments<Name>): void {
    if (this.has(name)) this.#call(name, args, 0);
  }

  /** Has a hook run; resolves when it has ended, or after {@linkcode HOOK_TIMEOUT_MS}. */
  async run<Name extends HookName>(name: Name, ...args: HookArguments<Name>): Promise<void> {
    if (!this.has(name)) return;
    const id = ++this.#lastId;
    if (!this.#call(name, args, id) || this.#stuck) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(() => {
      this.#stuck = true;
      this.#log.error(`Hook ${name} has not ended after ${HOOK_TIMEOUT_MS / 1000} s: going on`);
      resolve();
    }, HOOK_TIMEOUT_MS);
    this.#waiting.set(id, resolve);
    await promise;
    clearTimeout(timer);
    this.#waiting.delete(id);
  }

  /** What still runs is ended, unless it burns the CPU: that ends with the process. */
  close(): void {
    this.#worker.terminate();
    for (const resolve of this.#waiting.values()) resolve();
  }

  #call(name: HookName, args: readonly unknown[], id: number): boolean {
    if (this.#sent + this.#calls.length >= MAX_WAITING_CALLS) {
      if (this.#dropped++ === 0) this.#log.error(`Hook ${name} is too slow: calls are dropped`);
      return false;
    }
    this.#calls.push({ id, name, args });
    if (this.#calls.length === 1) queueMicrotask(() => this.#flush());
    return true;
  }

  #flush(): void {
    const calls = this.#calls;
    this.#calls = [];
    this.#sent += calls.length;
    this.#send({ type: "calls", calls });
  }

  #send(message: ToHooks): void {
    this.#worker.postMessage(message);
  }

  #receive(message: FromHooks): void {
    this.#stuck = false;
    switch (message.type) {
      case "loaded":
        this.#names = new Set(message.names);
        return this.#loaded.resolve();
      case "load_failed":
        return this.#loaded.reject(new Error(message.error));
      case "taken":
        this.#sent -= message.count;
        if (this.#dropped > 0) this.#log.warning(`${this.#dropped} calls of hooks were dropped`);
        this.#dropped = 0;
        return;
      case "ended":
        return this.#waiting.get(message.id)?.();
      case "failed":
        return this.#log.error(
          `${message.name === null ? `Hooks ${this.#module}` : `Hook ${message.name}`} failed: ` +
            message.error,
        );
    }
  }
}
