/** The sockets that share one address, with what is known of their order, and the plan in force. */

import type { ListenOrder } from "./listen_order.ts";
import type { TcpBind } from "./order_probe.ts";

export interface Group {
  readonly bind: TcpBind;
  readonly order: ListenOrder;
  /** When somebody came or went; -Infinity once the order could not be found out since. */
  changedAt: number;
  /** How often it was tried to find the order out since then, in vain. */
  tries: number;
  /** Under way as long as it is this one. */
  probe: symbol | null;
  /** Null where nobody knows. */
  inForce: readonly number[] | null;
  /** Resolves when the plan that was sent last is in force. */
  settled: Promise<void>;
}

/** Whatever was being found out of the order is out of date. */
export function changed(group: Group, now: number): void {
  group.changedAt = now;
  group.tries = 0;
  if (group.probe === null) return;
  group.probe = null;
  group.inForce = null;
}

/**
 * Who can exchange the program: first those that stay and do at once what they are told, and of these
 * the youngest.
 */
export function attachers(
  order: ListenOrder,
  leaving: ReadonlySet<number>,
  isLate: (id: number) => boolean,
): number[] {
  const last = (id: number) => leaving.has(id) ? 2 : isLate(id) ? 1 : 0;
  return [...order.listening].reverse().sort((a, b) => last(a) - last(b));
}
