/**
 * Which procs there are and what ought to happen to them: the manager's whole state, without effects.
 *
 * It is fed with what happened and with the time, and compares what is with what should be: `decide`
 * returns the steps between the two, and notes them as done. Called again with nothing new, it
 * returns nothing. So every path (crash, reload, recycling, one more, one less, all of them at once)
 * goes through the same few rules, and any of them can be tested without a process.
 */

import { ExitCode } from "../../errors.ts";
import { DRAIN_LINGER_MS, type ProcStats } from "../../protocol/control/control.ts";
import { Agenda, leaves } from "./agenda.ts";
import type { Decision, StopMode } from "./decision.ts";
import { Departures } from "./departures.ts";
import { Endings } from "./endings.ts";
import { bootFailure, type Failure } from "./failure.ts";
import { newProc, outweighs, type Proc, type ReplaceWish } from "./proc.ts";
import { leaveWithinMs, type Limits, QUICK_MS, SIGNAL_SPREAD_MS } from "./limits.ts";
import { Roster } from "./roster.ts";
import { Wanted } from "./wanted.ts";

export class ProcTable {
  readonly #roster = new Roster();
  readonly #wanted: Wanted;
  #lastGeneration = 1;
  #endings: Endings;
  #nextId = 1;
  /** As many procs as were wanted have served at a time. */
  #booted = false;
  readonly #departures: Departures;
  /** Events add to it as well as rules; `decide` returns what is in it. */
  readonly #agenda = new Agenda();

  constructor(limits: Limits) {
    this.#wanted = new Wanted(limits);
    this.#departures = new Departures(this.#roster, this.#wanted, this.#agenda);
    this.#endings = new Endings(limits.crashes);
  }

  /** How many procs there should be. */
  get target(): number {
    return this.#wanted.workers;
  }

  get booted(): boolean {
    return this.#booted;
  }

  /** As many as are wanted; where none is wanted (WINCH), nobody does. */
  get allServe(): boolean {
    return this.target > 0 && this.#roster.serving.length >= this.target;
  }

  /** Of the configuration in force. */
  get generation(): number {
    return this.#roster.generation;
  }

  /** All that are wanted serve, with the configuration in force, and no other is still to leave. */
  get isRenewed(): boolean {
    return this.target > 0 && this.#roster.isRenewed(this.target);
  }

  get stopping(): StopMode | null {
    return this.#departures.stopping;
  }

  /** Everything was asked to end, and has; and nothing is left to be said of it. */
  get isOver(): boolean {
    return this.stopping !== null && this.#roster.size === 0 && this.#agenda.isEmpty;
  }

  get procs(): readonly Proc[] {
    return this.#roster.all;
  }

  /** The first proc of a reload that is not decided yet. */
  isCanary(proc: Proc): boolean {
    return proc.generation === this.#roster.pending;
  }

  get(id: number): Proc | undefined {
    return this.#roster.get(id);
  }

  // What happened.

  loaded(id: number, now: number): void {
    this.#heard(id, now, (proc) => {
      if (proc.state === "booting") proc.state = "loaded";
    });
  }

  ready(id: number, now: number): void {
    this.#heard(id, now, (proc) => {
      if (proc.dismissed !== null) {
        proc.readyAt = now;
        this.#agenda.drain(proc, now, proc.dismissed);
        proc.dismissed = null;
      }
      if (proc.state !== "listening") return;
      proc.state = "ready";
      proc.readyAt = now;
      if (this.isCanary(proc)) this.#commit();
      this.#booted ||= this.allServe;
    });
  }

  heartbeat(id: number, stats: ProcStats, now: number): void {
    this.#heard(id, now, (proc) => proc.stats = stats);
  }

  /** It wants to be replaced: the gravest wish stands. Returns whether that comes early in its life. */
  wishes(id: number, wish: ReplaceWish, now: number): boolean {
    const proc = this.#roster.get(id);
    if (proc === undefined || proc.state === "leaving" || !outweighs(wish, proc.wish)) return false;
    proc.wish = wish;
    // Clients make it serve many requests; a hang has lasted for `timeout`, and has to go.
    if (wish.cause === "age") return this.#endings.aged(now, proc, this.#nextId);
    if (wish.cause !== "loss") return false;
    return this.#crashed(proc, bootFailure(`Proc ${id} is to be replaced: ${wish.why}`), now);
  }

  /** It leaves by itself, since somebody sent it a signal: after what is in flight if `graceful`. */
  goes(id: number, graceful: boolean, now: number): void {
    const proc = this.#roster.get(id);
    if (proc === undefined || proc.state === "leaving") return;
    leaves(proc, now, graceful ? leaveWithinMs(this.#wanted.limits, DRAIN_LINGER_MS) : QUICK_MS);
    // Ctrl-C reaches the whole process group, and systemd's TERM the whole control group: the
    // manager's own signal may be the next event, and then a new proc would have been for nothing.
    this.#endings.hold(now + SIGNAL_SPREAD_MS);
  }

  /** Its control channel is gone: it is about to die, or out of reach, which must not last. */
  lost(id: number, now: number): void {
    const proc = this.#roster.get(id);
    if (proc !== undefined) proc.killAt = Math.min(proc.killAt, now + QUICK_MS);
  }

  bootFailed(id: number, failure: Failure): void {
    const proc = this.#roster.get(id);
    if (proc !== undefined) proc.failure ??= failure;
  }

  /** The process has ended. `how` says by which exit code or signal, for the error message. */
  exited(id: number, how: string, now: number): void {
    const proc = this.#roster.get(id);
    if (proc === undefined) return;
    this.#roster.remove(id);
    if (proc.state === "leaving") return;
    const failure = proc.failure ?? bootFailure(how);
    if (this.isCanary(proc)) {
      this.#agenda.add({ type: "reload_abandoned", generation: proc.generation, failure });
      this.#roster.pending = null;
      this.#wanted.abandon();
    } else if (proc.readyAt === null && !this.#booted) {
      this.#fail(failure);
    } else {
      this.#crashed(proc, failure, now);
    }
  }

  /** The manager itself stood still for so long: nobody is to blame for not having been heard. */
  forgive(ms: number): void {
    this.#roster.forgive(ms);
  }

  // What is wanted.

  /** Wants so many procs from now on; so many more or less after a reload that is under way, too. */
  resize(workers: number): void {
    this.#wanted.resize(workers);
    this.#booted ||= this.allServe;
  }

  /** Wants every proc replaced by one of a new generation, whose number it returns. */
  reload(limits: Limits, now: number): number {
    // A second reload overtakes the first: its canary is of no use any more.
    for (const proc of this.#roster.all.filter((one) => this.isCanary(one))) {
      this.#departures.dismiss(proc, now, "reload", "another reload has overtaken it");
    }
    this.#wanted.reload(limits);
    this.#roster.pending = ++this.#lastGeneration;
    return this.#roster.pending;
  }

  /** Wants the end of all, sooner with each call. `lingerMs` is for a server beside this one (USR2). */
  stop(mode: StopMode, lingerMs = 0): void {
    this.#departures.stop(mode, lingerMs);
  }

  /** What has to be done now, in this order. */
  decide(now: number): Decision[] {
    if (this.#roster.anyStable(now)) this.#endings.sound();
    this.#departures.killOverdue(now);
    if (this.stopping !== null) this.#departures.endAll(this.stopping, now);
    else {
      this.#letListen(now);
      this.#departures.retireReplaced(now);
      this.#departures.shrink(now);
      this.#grow(now);
      this.#replaceNext(now);
    }
    return this.#agenda.take();
  }

  /** When `decide` has to be called at the latest, though nothing happened. */
  deadline(now: number): number {
    if (!this.#agenda.isEmpty) return now;
    return Math.min(this.#roster.deadline(now, this.#wanted.limits), this.#endings.resumeAt(now));
  }

  // The rules.

  /** One at a time: the order of listen() is the order within the kernel's SO_REUSEPORT group. */
  #letListen(now: number): void {
    const { all } = this.#roster;
    const next = all.find((proc) => proc.state === "loaded");
    const isBusy = all.some(({ state, dismissed }) => state === "listening" || dismissed !== null);
    if (next === undefined || isBusy) return;
    this.#agenda.listen(next, now);
  }

  #grow(now: number): void {
    if (this.#endings.isPaused(now)) return;
    for (let missing = this.target - this.#roster.counted.length; missing > 0; missing--) {
      this.#spawn(this.#roster.generation, null, now, "");
    }
  }

  /** Never more than one extra proc at a time, whatever it is for. */
  #replaceNext(now: number): void {
    if (this.#roster.live.some((proc) => this.#roster.isExtra(proc))) return;
    const { pending } = this.#roster;
    if (pending !== null) {
      const old = this.#roster.serving[0]?.id ?? null;
      return this.#spawn(pending, old, now, "canary of the reload");
    }
    if (this.#endings.isPaused(now) || this.#roster.counted.length < this.target) return;
    const old = this.#roster.nextToReplace(this.#endings.isAgedPaused(now));
    if (old === undefined) return;
    // What hangs serves nobody, so that its replacement is no luxury.
    if (this.#roster.isCrowded(now) && old.wish?.cause !== "hang") return;
    this.#spawn(this.#roster.generation, old.id, now, old.wish?.why ?? "reload");
  }

  // The steps.

  #spawn(generation: number, replaces: number | null, now: number, why: string): void {
    const id = this.#nextId++;
    this.#roster.add(newProc(id, generation, replaces, now));
    this.#agenda.add({ type: "spawn", id, generation, replaces, why });
  }

  #commit(): void {
    const { pending } = this.#roster;
    if (pending === null) return;
    this.#roster.pending = null;
    this.#roster.generation = pending;
    this.#wanted.commit();
    // A clean slate, as new code deserves it.
    this.#endings = new Endings(this.#wanted.limits.crashes);
    const outdated = this.#roster.live.filter((proc) => this.#roster.isOutdated(proc)).length;
    this.#agenda.add({ type: "reload_committed", generation: pending, outdated });
  }

  /** It has died, or what is left of it is of no use. Returns whether that was early. */
  #crashed(proc: Proc, failure: Failure, now: number): boolean {
    const isEarly = this.#endings.crashed(now, proc, this.#nextId);
    const message = this.#endings.crashLoop(now, failure.message);
    if (message !== null && !this.#roster.anyStable(now)) {
      this.#fail({ ...failure, exitCode: ExitCode.boot, message });
    }
    return isEarly;
  }

  #fail(failure: Failure): void {
    this.#agenda.add({ type: "fail", failure });
    this.stop(this.#booted ? "graceful" : "quick");
  }

  #heard(id: number, now: number, update: (proc: Proc) => void): void {
    const proc = this.#roster.get(id);
    if (proc === undefined) return;
    proc.heardAt = now;
    update(proc);
  }
}
