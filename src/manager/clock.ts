/** The manager's clock, milliseconds: it only goes forward, whatever is done to the machine's time. */
export function now(): number {
  return performance.now();
}
