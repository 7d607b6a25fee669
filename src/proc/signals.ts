/** Signals to a process that serves. Handlers do no more than call back. */

import { libcUnavailable } from "../os/libc.ts";
import { catchUsr1, ignoreUsr1 } from "../os/process/usr1.ts";

export interface SignalOrders {
  /** TERM: finish what is in flight, then end. */
  readonly onGraceful: (signal: Deno.Signal) => void;
  /** INT, QUIT: end now. */
  readonly onQuick: (signal: Deno.Signal) => void;
  /** USR1: open the logs anew; null where a manager says so instead. */
  readonly onReopen: (() => void) | null;
  /** Meant for a manager. */
  readonly onOther: (signal: Deno.Signal) => void;
}

/**
 * What `kill -HUP 0`, a closing terminal or `pkill -USR1` sends to every process of a group. A proc
 * must survive them, most of which end or stop a process that does not listen.
 */
const OTHERS = [
  "SIGHUP",
  "SIGUSR2",
  "SIGTTIN",
  "SIGTTOU",
  "SIGWINCH",
] as const satisfies readonly Deno.Signal[];

/** Listens from now on. ABRT keeps its default: the process ends at once, with a core dump if enabled. */
export function listenToSignals(orders: SignalOrders): void {
  Deno.addSignalListener("SIGTERM", () => orders.onGraceful("SIGTERM"));
  Deno.addSignalListener("SIGINT", () => orders.onQuick("SIGINT"));
  Deno.addSignalListener("SIGQUIT", () => orders.onQuick("SIGQUIT"));
  for (const signal of OTHERS) Deno.addSignalListener(signal, () => orders.onOther(signal));
  listenToUsr1(orders.onReopen);
}

function listenToUsr1(onReopen: (() => void) | null): void {
  // Without libc, Deno's debugger opens too: nothing can be done about it.
  if (libcUnavailable() !== null) Deno.addSignalListener("SIGUSR1", onReopen ?? (() => {}));
  else if (onReopen === null) ignoreUsr1();
  else catchUsr1(onReopen);
}
