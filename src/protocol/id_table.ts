/**
 * What comes and goes all the time, by its id: exchanges at both ends of the queues, connections.
 *
 * Not a Map. When its entries have changed often enough a Map moves into a new table, and the old one
 * goes on pointing to it and to the entries that it had. A collection of the whole heap puts the table of
 * the moment into the old generation; from then on each table keeps the next one alive, and all exchanges
 * with it, until the next such collection. That costs a fifth of the throughput (docs/internals.md has the
 * figures). Here what is deleted is forgotten at once.
 */

const SMALLEST = 16;

/** 2^32 over the golden ratio: ids that follow one another are spread, and none crowd (Knuth, 6.4). */
const SPREAD = 0x9e3779b1;

/** Ids in their order: after the last positive int32 from the beginning again. */
export function nextId(last: number): number {
  return last % 0x7fffffff + 1;
}

/** Open addressing with linear probing. Ids are positive int32s. */
export class IdTable<T> {
  /** 0: free. The length is a power of two, and at most half of it is taken. */
  #ids = new Int32Array(SMALLEST);
  #values: (T | undefined)[] = new Array(SMALLEST).fill(undefined);
  #size = 0;
  /** 32 less the bits of an index. */
  #shift = 28;

  get size(): number {
    return this.#size;
  }

  get(id: number): T | undefined {
    return this.#values[this.#find(id)];
  }

  set(id: number, value: T): void {
    let at = this.#find(id);
    if (this.#ids[at] === 0) {
      this.#size++;
      if (this.#size * 2 > this.#ids.length) {
        this.#grow();
        at = this.#find(id);
      }
      this.#ids[at] = id;
    }
    this.#values[at] = value;
  }

  /** Returns whether it was there. */
  delete(id: number): boolean {
    let hole = this.#find(id);
    const ids = this.#ids;
    if (ids[hole] === 0) return false;
    const values = this.#values;
    const mask = ids.length - 1;
    // Whoever stands behind it moves up, if that is not before the place where it is looked for.
    for (let at = (hole + 1) & mask; ids[at] !== 0; at = (at + 1) & mask) {
      const home = this.#home(ids[at]!);
      if (((at - home) & mask) < ((at - hole) & mask)) continue;
      ids[hole] = ids[at]!;
      values[hole] = values[at];
      hole = at;
    }
    ids[hole] = 0;
    values[hole] = undefined;
    this.#size--;
    return true;
  }

  /** All of them at this moment, in no order. */
  values(): T[] {
    return this.#values.filter((value) => value !== undefined);
  }

  /** All of them at this moment, by their ids. */
  oldestFirst(): T[] {
    return Array.from(this.#ids.filter((id) => id !== 0).sort(), (id) => this.get(id)!);
  }

  #home(id: number): number {
    return Math.imul(id, SPREAD) >>> this.#shift;
  }

  /** Where the id is, or would be. */
  #find(id: number): number {
    const ids = this.#ids;
    const mask = ids.length - 1;
    let at = this.#home(id);
    while (ids[at] !== id && ids[at] !== 0) at = (at + 1) & mask;
    return at;
  }

  #grow(): void {
    const [ids, values] = [this.#ids, this.#values];
    this.#shift--;
    this.#ids = new Int32Array(ids.length * 2);
    this.#values = new Array(ids.length * 2).fill(undefined);
    for (let i = 0; i < ids.length; i++) {
      if (ids[i] === 0) continue;
      const at = this.#find(ids[i]!);
      this.#ids[at] = ids[i]!;
      this.#values[at] = values[i];
    }
  }
}
