/** The procs that there are, and the views of them that the table's rules are written in. */

import { type Limits, overdueAt, REPLACE_GAP_MS } from "./limits.ts";
import type { Proc } from "./proc.ts";
import { STABLE_MS } from "./respawn.ts";

export class Roster {
  readonly #procs = new Map<number, Proc>();
  /** The configuration in force. */
  generation = 1;
  /** The one of a reload whose canary is not ready yet. */
  pending: number | null = null;

  get size(): number {
    return this.#procs.size;
  }

  get(id: number): Proc | undefined {
    return this.#procs.get(id);
  }

  add(proc: Proc): void {
    this.#procs.set(proc.id, proc);
  }

  remove(id: number): void {
    this.#procs.delete(id);
  }

  /** Oldest first. */
  get all(): readonly Proc[] {
    return [...this.#procs.values()];
  }

  get live(): readonly Proc[] {
    return this.all.filter((proc) => proc.state !== "leaving");
  }

  get serving(): readonly Proc[] {
    return this.all.filter((proc) => proc.state === "ready");
  }

  /** Those that make up the number of workers: extras do not, until they have taken a place. */
  get counted(): readonly Proc[] {
    return this.live.filter((proc) => !this.isExtra(proc));
  }

  /** A canary, or one that another proc still holds the place for. */
  isExtra(proc: Proc): boolean {
    return proc.generation === this.pending || this.heldBy(proc) !== null;
  }

  /** The proc that this one was started to replace, as long as it serves. */
  heldBy(proc: Proc): Proc | null {
    const old = proc.replaces === null ? undefined : this.#procs.get(proc.replaces);
    return old === undefined || old.state === "leaving" ? null : old;
  }

  isOutdated(proc: Proc): boolean {
    return proc.generation < this.generation;
  }

  /** One that cannot be blamed for a crash loop. */
  anyStable(now: number): boolean {
    return this.serving.some(({ readyAt, wish }) =>
      readyAt !== null && now - readyAt >= STABLE_MS && wish?.cause !== "loss"
    );
  }

  /**
   * The next proc to be replaced: what hangs, then what is outdated, then who wishes it; but nobody for
   * its age where `pausesAged`.
   */
  nextToReplace(pausesAged: boolean): Proc | undefined {
    const { serving } = this;
    const hasReason = ({ wish }: Proc) => wish !== null && !(pausesAged && wish.cause === "age");
    return serving.find(({ wish }) => wish?.cause === "hang") ??
      serving.find((proc) => this.isOutdated(proc)) ??
      serving.find(hasReason);
  }

  /** The manager itself stood still for so long: nobody is to blame for not having been heard. */
  forgive(ms: number): void {
    for (const proc of this.#procs.values()) {
      proc.startedAt += ms;
      proc.heardAt += ms;
      proc.killAt += ms;
    }
  }

  /** Whether so many serve with the newest configuration, and none is still to be replaced for it. */
  isRenewed(count: number): boolean {
    return this.pending === null && this.serving.length >= count &&
      !this.live.some((proc) => this.isOutdated(proc));
  }

  /** Whether one was told to leave a moment ago, and is not gone yet. */
  isCrowded(now: number): boolean {
    return this.all.some(({ leftAt }) => leftAt !== null && leftAt > now - REPLACE_GAP_MS);
  }

  /** When the next proc is overdue, or has left room. */
  deadline(now: number, limits: Limits): number {
    let at = Infinity;
    for (const proc of this.#procs.values()) {
      const roomAt = (proc.leftAt ?? -Infinity) + REPLACE_GAP_MS;
      at = Math.min(at, overdueAt(proc, limits), roomAt > now ? roomAt : Infinity);
    }
    return at;
  }
}
