/** The right name that somebody may have meant. */

/** Damerau's distance between two words (optimal string alignment): a swap counts as one error. */
export function distance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1;
      let least = Math.min((last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (last[j - 1] ?? 0) + cost);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        least = Math.min(least, (beforeLast[j - 2] ?? 0) + 1);
      }
      row.push(least);
    }
    beforeLast = last;
    last = row;
  }
  return last[b.length] ?? 0;
}

/** The one of `names` that differs from `word` in no more than a third of its letters, or null. */
export function nearest(word: string, names: Iterable<string>): string | null {
  const plain = simplify(word);
  let best: string | null = null;
  let least = Infinity;
  for (const name of names) {
    const errors = distance(plain, simplify(name));
    if (
      errors < least && errors <= Math.max(1, Math.floor(Math.max(plain.length, name.length) / 3))
    ) {
      best = name;
      least = errors;
    }
  }
  return best;
}

/** What people mix up: case, dashes, underscores, dots. */
function simplify(word: string): string {
  return word.toLowerCase().replace(/[-_.]/g, "");
}
