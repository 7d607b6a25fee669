/** The permission bits that new files of this process lack. */

/**
 * Runs `make`, which makes a file, with another umask; null for the process's own. The umask is the whole
 * process's, so `make` must not await anything.
 */
export function withUmask<T>(mask: number | null, make: () => T): T {
  const before = mask === null ? null : Deno.umask(mask);
  try {
    return make();
  } finally {
    if (before !== null) Deno.umask(before);
  }
}
