/**
 * Which configuration a proc runs. Each reload makes a new generation; while it is under way there are
 * procs of two or more, and each configuration keeps its sockets open for as long as it has procs.
 */

import type { Config } from "../../config/config.ts";
import type { Sockets } from "../sockets/sockets.ts";

export class Generations {
  readonly #sockets: Sockets;
  /** As procs get them. */
  readonly #configs = new Map<number, Config>();
  #current = 1;
  /** Of the reload that is under way; the current one otherwise. */
  #newest = 1;

  private constructor(sockets: Sockets, first: Config) {
    this.#sockets = sockets;
    this.#configs.set(this.#current, first);
  }

  /** Opens the sockets of the first configuration. */
  static async start(sockets: Sockets, config: Config): Promise<Generations> {
    return new Generations(sockets, await sockets.open(config));
  }

  /** What new procs are to run, unless a reload says otherwise. */
  get config(): Config {
    return this.of(this.#current);
  }

  /** A reload is under way whose first proc is not ready yet. */
  get isTrying(): boolean {
    return this.#newest !== this.#current;
  }

  of(generation: number): Config {
    const config = this.#configs.get(generation) ?? this.#configs.get(this.#current);
    if (config === undefined) throw new Error(`generation ${generation} was forgotten too early`);
    return config;
  }

  /** Begins a reload with a configuration of {@linkcode Sockets.open}. */
  begin(generation: number, config: Config): void {
    this.#configs.set(generation, config);
    this.#newest = generation;
  }

  /** The reload's first proc is ready: all others are to follow. */
  commit(generation: number): void {
    this.#current = generation;
    this.#sockets.adopt(this.config);
  }

  abandon(generation: number): void {
    if (this.#newest === generation) this.#newest = this.#current;
  }

  /** Closes the sockets of generations that no proc is of any more, or will be. */
  forget(living: Iterable<{ readonly generation: number }>): void {
    const kept = new Set([this.#current, this.#newest]);
    for (const { generation } of living) kept.add(generation);
    for (const [generation, config] of this.#configs) {
      if (kept.has(generation)) continue;
      this.#configs.delete(generation);
      this.#sockets.drop(config);
    }
  }
}
