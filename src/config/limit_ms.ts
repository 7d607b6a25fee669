/** Times that 0 turns off, as the code that waits wants them. */

/** A setting's seconds as milliseconds; 0, which is no limit, as Infinity. */
export function limitMs(seconds: number): number {
  return seconds > 0 ? seconds * 1000 : Infinity;
}
