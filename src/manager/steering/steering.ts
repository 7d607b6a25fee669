/**
 * Steers new connections among the procs that listen on one address with SO_REUSEPORT: away from
 * those that leave, so that nothing waits in a queue that is about to be closed; away from those whose
 * threads are all held up; and, by their load, away from those that have much to do. The kernel's own
 * choice is a hash, which knows of none of it.
 *
 * The program belongs to the kernel's group of sockets, and any proc in it can exchange it. Without
 * FFI, or where the order of the sockets is uncertain, all goes on as the kernel chooses; an order
 * that stays uncertain is found out by trying, when all is quiet.
 */

import { type Bind, showBind } from "../../config/values/bind.ts";
import type { Config } from "../../config/config.ts";
import type { Log } from "../../log/record.ts";
import type { SteeringPlan } from "../../protocol/control/control.ts";
import { BlockedProcs } from "./blocked_procs.ts";
import { DEPARTURE_MS } from "../table/limits.ts";
import { ListenOrder } from "./listen_order.ts";
import { LoadShares } from "./load_shares.ts";
import type { TcpBind } from "./order_probe.ts";
import { attachers, changed, type Group } from "./group.ts";

/** A proc that does not say within this time that it has steered is not waited for, milliseconds. */
const STEER_TIMEOUT_MS = 500;
/**
 * An uncertain order is tried out when nobody has come or gone for so long, milliseconds; and again
 * after twice as long each time, so often: a busy proc may not have accepted in time.
 */
const QUIET_MS = 2_000;
const MAX_TRIES = 5;
/** The share of a proc that has nothing to do. Whole numbers, so that equal plans look equal. */
const FULL_WEIGHT = 1_000;

export interface SteeringOptions {
  /** Has a proc put a plan in force at an address. False where it is not there to hear it. */
  readonly send: (id: number, bind: string, plan: SteeringPlan) => boolean;
  readonly log: Log;
  /** Connects, and finds the proc that accepts; null where none is found. */
  readonly whoAccepts: (bind: TcpBind) => Promise<number | null>;
  /** The setting `steering` as it is now. */
  readonly mode: () => Config["steering"];
  /** Why nothing can be steered here at all, in a few words; null where it can. */
  readonly impossible: string | null;
}

export class Steering {
  readonly #options: SteeringOptions;
  /** By the address as procs bind it. */
  readonly #groups = new Map<string, Group>();
  readonly #leaving = new Set<number>();
  /** Resolves when all that were to leave have closed their sockets, or are not waited for. */
  #departed: Promise<void> = Promise.resolve();
  /** By proc: it has closed its sockets. */
  readonly #departures = new Map<number, () => void>();
  readonly #shares = new LoadShares();
  readonly #full = new Set<number>();
  readonly #blocked = new BlockedProcs();
  /** Plans that procs were told and have not answered, by proc, oldest first. */
  readonly #asked = new Map<number, Asked[]>();
  #told: { readonly id: number; readonly at: number } | null = null;
  #impossible: string | null;
  /** Why it is not done for the time being. */
  #suspended: string | null = null;
  #warned = false;

  constructor(options: SteeringOptions) {
    this.#options = options;
    this.#impossible = options.impossible;
  }

  /** Proc `id` is told to listen; nobody else is until it does, or dies. */
  told(id: number, now: number): void {
    this.#told = { id, at: now };
  }

  /** Proc `id` listens on these. */
  listening(id: number, binds: readonly Bind[], now: number): void {
    const from = this.#told?.id === id ? this.#told.at : -Infinity;
    for (const bind of binds) {
      if (bind.transport !== "tcp") continue;
      const group = this.#group(bind);
      group.order.opened(id, from, now);
      changed(group, now);
    }
    this.#refresh();
  }

  /** Proc `id` closed its sockets, or died, between the two moments. */
  closed(id: number, from: number, to: number): void {
    this.#leaving.delete(id);
    this.#departures.get(id)?.();
    this.#departures.delete(id);
    this.#shares.forget(id);
    this.#full.delete(id);
    this.#blocked.forget(id);
    for (const [bind, group] of this.#groups) {
      const { order } = group;
      if (order.listening.has(id)) changed(group, to);
      order.closed(id, from, to);
      // The group is gone with its last socket, and its program with it.
      if (order.listening.size === 0) this.#groups.delete(bind);
    }
    this.#letGo(id);
    this.#refresh();
  }

  /**
   * Steers new connections away from a proc that is to leave. Resolves when they go elsewhere, or
   * when that cannot be had.
   *
   * One resolves after another: when a socket closes, the last of its group takes its index, and
   * until the plan is exchanged it may send somebody to any socket of the group. That harms nobody as
   * long as none of them is about to close. It would harm more to be killed, never having been told.
   */
  async leave(id: number): Promise<void> {
    // Told twice, it goes once.
    if (!this.#listens(id) || this.#departures.has(id)) return;
    if (this.#options.mode() === "off") return;
    const before = this.#departed;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#departed = before.then(() => within(promise, DEPARTURE_MS));
    this.#departures.set(id, resolve);
    this.#leaving.add(id);
    this.#shares.forget(id);
    this.#blocked.forget(id);
    const probed = [...this.#groups.values()].filter(({ probe }) => probe !== null);
    for (const group of probed) {
      changed(group, group.changedAt);
      // Its last step may be another proc's to do: it has to be over before the next is told.
      await group.settled;
    }
    await Promise.all(this.#refresh());
    if (this.#impossible !== null) return this.#warn(this.#impossible);
    if (!this.#anyStays) return;
    await before;
    await Promise.all(this.#refresh());
  }

  /** Proc `id` has so many exchanges in flight, and accepts no connection now if it is full. */
  load(id: number, inFlight: number, full: boolean, now: number): void {
    if (!this.#listens(id) || this.#leaving.has(id)) return;
    if (full) this.#full.add(id);
    else this.#full.delete(id);
    this.#shares.report(id, inFlight);
    this.#blocked.heard(id, now);
    this.#refresh();
  }

  /** None of the threads of proc `id` is free, or one is again. */
  async blocked(id: number, blocked: boolean): Promise<void> {
    if (!this.#listens(id) || this.#leaving.has(id)) return;
    this.#blocked.told(id, blocked);
    if (this.#isOff) return;
    await Promise.all(this.#refresh());
    const what = blocked
      ? "has no thread free: new connections avoid it"
      : "has a thread free again";
    this.#options.log.debug(`Proc ${id} ${what}`);
  }

  /** Proc `id` has put its oldest plan in force, or could not. */
  steered(id: number, error: string | null): void {
    const asked = this.#asked.get(id)?.shift();
    if (asked === undefined) return;
    // What the kernel refuses once it will refuse again.
    this.#impossible ??= error;
    asked.done();
  }

  /** Leaves the choice to the kernel for now: others are in the groups, and nobody knows where. */
  suspend(why: string): void {
    if (this.#suspended !== null || this.#impossible !== null) return;
    for (const [bind, group] of this.#groups) {
      group.probe = null;
      if (group.inForce?.length === 0) continue;
      this.#attachers(group).some((id) => this.#options.send(id, bind, { weights: [] }));
      group.inForce = [];
    }
    this.#suspended = why;
  }

  /** The others are gone, or about to go. Where our sockets stand by now has to be found out. */
  resume(now: number): void {
    if (this.#suspended === null) return;
    this.#suspended = null;
    for (const group of this.#groups.values()) {
      group.order.forget();
      changed(group, now);
    }
  }

  /** Finds out what is uncertain, once it is quiet; to be called about once a second. */
  settle(now: number): void {
    if (this.#isOff || this.#leaving.size > 0) return;
    for (const [name, group] of this.#groups) {
      const { order, probe, changedAt, tries } = group;
      if (order.isCertain || probe !== null || changedAt === -Infinity) continue;
      if (now - changedAt >= QUIET_MS * 2 ** tries) this.#probe(name, group);
    }
  }

  /** Steers all connections to one index after another, for some milliseconds each. */
  async #probe(name: string, group: Group): Promise<void> {
    const own = group.probe = Symbol("probe");
    const { order, bind } = group;
    const found: number[] = [];
    for (let index = 0; index < order.listening.size; index++) {
      const weights = [...order.listening].map((_, i) => i === index ? FULL_WEIGHT : 0);
      await this.#send(name, group, weights);
      const id = group.probe === own ? await this.#options.whoAccepts(bind) : null;
      // A proc came or went meanwhile, or nothing is steered any more: another plan is in force.
      if (group.probe !== own) return;
      if (id === null) break;
      found.push(id);
    }
    group.probe = null;
    if (new Set(found).size === order.listening.size) order.found(found);
    // Sockets of somebody else, or procs that do not accept: not before something changes.
    else if (++group.tries === MAX_TRIES) group.changedAt = -Infinity;
    const what = order.isCertain ? `found to be procs ${found}` : "cannot be found out";
    this.#options.log.debug(`The order of the sockets at ${name} is ${what}`);
    this.#refresh();
  }

  get #isOff(): boolean {
    return this.#impossible !== null || this.#suspended !== null || this.#options.mode() === "off";
  }

  #group(bind: TcpBind): Group {
    const name = showBind(bind);
    let group = this.#groups.get(name);
    if (group === undefined) {
      const order = new ListenOrder();
      const settled = Promise.resolve();
      group = { bind, order, changedAt: -Infinity, tries: 0, probe: null, inForce: [], settled };
      this.#groups.set(name, group);
    }
    return group;
  }

  get #anyStays(): boolean {
    const all = [...this.#groups.values()].flatMap(({ order }) => [...order.listening]);
    return all.some((id) => !this.#leaving.has(id));
  }

  #listens(id: number): boolean {
    return [...this.#groups.values()].some(({ order }) => order.listening.has(id));
  }

  /** Puts in force what has changed; resolves when the procs that were told have done it. */
  #refresh(): Promise<void>[] {
    if (this.#impossible !== null || this.#suspended !== null) return [];
    return [...this.#groups].map(([bind, group]) => this.#refreshGroup(bind, group));
  }

  #refreshGroup(bind: string, group: Group): Promise<void> {
    const weights = this.#plan(group.order);
    if (group.probe !== null || weights.join() === group.inForce?.join()) return group.settled;
    return this.#send(bind, group, weights);
  }

  /** Resolves when the plan is in force, or cannot be. */
  #send(name: string, group: Group, weights: readonly number[]): Promise<void> {
    const id = this.#attachers(group).find((id) => this.#options.send(id, name, { weights }));
    group.inForce = id === undefined ? null : weights;
    group.settled = id === undefined ? Promise.resolve() : this.#answer(id, group);
    return group.settled;
  }

  #attachers({ order }: Group): number[] {
    return attachers(order, this.#leaving, (id) => this.#blocked.isLate(id));
  }

  /** The weights by index; empty for the kernel's own choice. */
  #plan(order: ListenOrder): readonly number[] {
    const ids = [...order.listening];
    const leaves = ids.some((id) => this.#leaving.has(id));
    const mode = this.#options.mode();
    const accepts = (id: number) => !this.#leaving.has(id) && !this.#full.has(id);
    // Where all are held up, nobody is better than another.
    const anyFree = ids.some((id) => accepts(id) && !this.#blocked.has(id));
    const shareOf = (id: number) => {
      if (mode !== "load") return 1;
      // A blocked proc says itself when it is free: no connection has to find that out.
      return this.#full.has(id) || anyFree && this.#blocked.has(id) ? 0 : this.#shares.of(id);
    };
    if (mode === "off" || !leaves && ids.every((id) => shareOf(id) === 1)) return [];
    const weights = order.weights((id) =>
      this.#leaving.has(id) ? 0 : Math.round(FULL_WEIGHT * shareOf(id))
    );
    if (weights === null && leaves) this.#options.log.debug("Cannot steer: who is where is unsure");
    return weights ?? [];
  }

  /** Resolves when proc `id` has answered its newest plan, has gone, or takes too long. */
  #answer(id: number, group: Group): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, STEER_TIMEOUT_MS);
    const done = () => {
      clearTimeout(timer);
      resolve();
    };
    const asked = this.#asked.get(id) ?? [];
    asked.push({ group, done });
    this.#asked.set(id, asked);
    return promise;
  }

  /** Proc `id` will not answer any more: what it was told may be in force or not. */
  #letGo(id: number): void {
    for (const { group, done } of this.#asked.get(id) ?? []) {
      group.inForce = null;
      done();
    }
    this.#asked.delete(id);
  }

  #warn(why: string): void {
    if (this.#warned) return;
    this.#warned = true;
    this.#options.log.warning(
      `New connections cannot be steered away from procs that leave (${why}): ` +
        `a few may be refused at each reload`,
    );
  }
}

function within(promise: Promise<void>, ms: number): Promise<void> {
  const { promise: late, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

interface Asked {
  readonly group: Group;
  readonly done: () => void;
}
