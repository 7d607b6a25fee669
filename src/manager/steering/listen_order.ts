/**
 * In which order the procs came to listen on one address: the indexes of the kernel's SO_REUSEPORT
 * group, which a steering program chooses by. A socket that comes to listen is the last; when one
 * closes, the last takes its place.
 *
 * The manager hears of both afterwards: that something happened, between two moments. When two
 * changes may have happened either way round, each order is kept as possible; what is done must then
 * be right in all of them. Pure: no clock, no process.
 */

/** Proc numbers by index. */
export type Order = readonly number[];

interface Change {
  readonly id: number;
  readonly opened: boolean;
  /** It happened between these, milliseconds. */
  readonly from: number;
  readonly to: number;
}

/** A change is reported within this time, milliseconds; until then its place is not certain. */
const REPORT_WITHIN_MS = 2_000;
/** More ways than this to order the last changes are not gone through: the order is then unknown. */
const MAX_WAYS = 5_000;

export class ListenOrder {
  /** What is possible without the recent changes; null where nothing is known any more. */
  #settled: readonly Order[] | null = [[]];
  #recent: readonly Change[] = [];
  #possible: readonly Order[] | null = [[]];
  readonly #listening = new Set<number>();

  /** Proc `id` came to listen between the two moments, and nobody else of ours did meanwhile. */
  opened(id: number, from: number, to: number): void {
    if (this.#listening.has(id)) return;
    this.#listening.add(id);
    this.#change({ id, opened: true, from, to });
  }

  /** Proc `id` closed its socket, or died, between the two moments. */
  closed(id: number, from: number, to: number): void {
    if (!this.#listening.delete(id)) return;
    this.#change({ id, opened: false, from: Math.max(from, to - REPORT_WITHIN_MS), to });
  }

  /** Others' sockets came and went in the group: nothing is known until it is {@linkcode found}. */
  forget(): void {
    this.#settled = this.#possible = null;
    this.#recent = [];
  }

  /** Somebody has looked: this is the order. */
  found(order: Order): void {
    this.#settled = this.#possible = [order];
    this.#recent = [];
  }

  get isCertain(): boolean {
    return this.#possible?.length === 1;
  }

  /** Every order that may be the true one; null where nobody knows. */
  get possible(): readonly Order[] | null {
    return this.#possible;
  }

  /** Who listens, in no order. */
  get listening(): ReadonlySet<number> {
    return this.#listening;
  }

  /**
   * The weight of each index, where each proc is to have a weight: of the procs that may be at an
   * index the least counts, so that 0 keeps connections away for certain. Null where no index can
   * have any.
   */
  weights(weightOf: (id: number) => number): number[] | null {
    const [first] = this.#possible ?? [];
    if (first === undefined) return null;
    const weights = first.map((_, index) =>
      Math.min(...this.#possible!.map((order) => weightOf(order[index]!)))
    );
    return weights.some((weight) => weight > 0) ? weights : null;
  }

  #change(change: Change): void {
    if (this.#listening.size === 0) {
      // The group is gone with its last socket, and with it all that was uncertain.
      this.#settled = this.#possible = [[]];
      this.#recent = [];
      return;
    }
    if (this.#settled === null) return;
    this.#settle(change.to - REPORT_WITHIN_MS);
    this.#recent = [...this.#recent, change];
    this.#possible = applyAll(this.#settled, this.#recent);
    if (this.#possible === null) this.#settled = null;
  }

  /** Nothing that is still to be reported happened before `moment`: what did, did so first. */
  #settle(moment: number): void {
    const old = this.#recent.filter(({ to }) => to < moment);
    if (old.length === 0 || this.#settled === null) return;
    // Whatever may have happened before one of these has to be settled with them, or waits for them.
    const young = this.#recent.filter(({ to }) => to >= moment);
    if (young.some((each) => old.some((before) => each.from < before.to))) return;
    this.#settled = applyAll(this.#settled, old);
    this.#recent = young;
  }
}

/** Every order that comes of any possible sequence of the changes, each once. */
function applyAll(orders: readonly Order[], changes: readonly Change[]): Order[] | null {
  const found = new Map<string, Order>();
  let ways = 0;
  const go = (order: Order, rest: readonly Change[]): boolean => {
    if (rest.length === 0) {
      found.set(order.join(), order);
      return ++ways <= MAX_WAYS;
    }
    return rest.every((next, at) => {
      // Whatever ended before this one began comes first; a socket opens before it closes. Moments
      // that are equal are in the order of their reports.
      const isLater = rest.some((other, otherAt) =>
        otherAt < at && (other.to <= next.from || other.id === next.id) || other.to < next.from
      );
      return isLater || go(apply(order, next), rest.filter((other) => other !== next));
    });
  };
  return orders.every((order) => go(order, changes)) ? [...found.values()] : null;
}

function apply(order: Order, { id, opened }: Change): Order {
  if (opened) return [...order, id];
  const index = order.indexOf(id);
  const last = order.at(-1);
  if (index < 0 || last === undefined) return order;
  return order.with(index, last).slice(0, -1);
}
