/** The server under chaos: who its manager is at the moment, and which procs it has. */

import { cpuSeconds, marked, type Process } from "../support/processes.ts";
import type { Running } from "../support/running.ts";
import { until } from "../support/wait.ts";
import { exists } from "../support/files.ts";

/** What ought to stay flat, however often procs come and go. */
export interface Footprint {
  readonly descriptors: number;
  readonly threads: number;
  /** Resident memory, MiB. */
  readonly rss: number;
  /** CPU time so far, seconds. */
  readonly cpu: number;
}

export class ChaosServer {
  readonly #first: Running;
  readonly #mark: string;
  readonly #pidfile: string;

  constructor(first: Running, mark: string, pidfile: string) {
    this.#first = first;
    this.#mark = mark;
    this.#pidfile = pidfile;
  }

  /** The manager that the pid file names. USR2 changes it. */
  get manager(): number {
    return Number(Deno.readTextFileSync(this.#pidfile));
  }

  get output(): string {
    return this.#first.output;
  }

  signal(signal: Deno.Signal): void {
    Deno.kill(this.manager, signal);
  }

  procs(): Process[] {
    const { manager } = this;
    return marked(this.#mark).filter((it) => it.ppid === manager && it.command.includes(": proc "));
  }

  everyProcess(): Process[] {
    return marked(this.#mark);
  }

  /** A new manager beside the old one; then the old one is told to go. */
  async replaceManager(): Promise<void> {
    const old = this.manager;
    Deno.kill(old, "SIGUSR2");
    const next = `${this.#pidfile}.2`;
    await until("the new manager is there", () => exists(next));
    const fresh = Number(Deno.readTextFileSync(next));
    await until("its procs are ready", () => {
      const said = new RegExp(
        `\\[${fresh}\\] \\[INFO\\] \\[manager\\] Proc \\d+, pid \\d+, is ready`,
      );
      return said.test(this.output);
    });
    Deno.kill(old, "SIGTERM");
    await until("the new manager has taken over", () => !exists(next) && this.manager === fresh);
  }

  footprint(): Footprint {
    return footprintOf(this.manager);
  }
}

export function footprintOf(pid: number): Footprint {
  const status = Deno.readTextFileSync(`/proc/${pid}/status`);
  const field = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(status)?.[1]);
  return {
    descriptors: [...Deno.readDirSync(`/proc/${pid}/fd`)].length,
    threads: field("Threads"),
    rss: Math.round(field("VmRSS") / 1024),
    cpu: cpuSeconds(pid),
  };
}
