/** The signals that the manager heeds. Their handlers only enqueue. */

import { libcUnavailable } from "../os/libc.ts";
import { catchUsr1 } from "../os/process/usr1.ts";

/** As gunicorn's arbiter; CHLD is implied by the status promise of each child. */
const MANAGER_SIGNALS = [
  "SIGTERM",
  "SIGINT",
  "SIGQUIT",
  "SIGHUP",
  "SIGTTIN",
  "SIGTTOU",
  "SIGUSR1",
  "SIGUSR2",
  "SIGWINCH",
] as const satisfies readonly Deno.Signal[];

export type ManagerSignal = (typeof MANAGER_SIGNALS)[number];

/** A process that dies of these was asked to. */
export const STOPPING_SIGNALS: readonly Deno.Signal[] = ["SIGINT", "SIGTERM", "SIGQUIT"];

/** Those that come by Deno's own listeners. */
const PLAIN_SIGNALS = MANAGER_SIGNALS.filter((signal) => signal !== "SIGUSR1");

/** Calls `enqueue` for each signal from now on. Dispose of it to leave signals to their defaults. */
export function listenToSignals(enqueue: (signal: ManagerSignal) => void): Disposable {
  const usr1 = listenToUsr1(() => enqueue("SIGUSR1"));
  const listeners = PLAIN_SIGNALS.map((signal) => ({ signal, handler: () => enqueue(signal) }));
  for (const { signal, handler } of listeners) Deno.addSignalListener(signal, handler);
  return {
    [Symbol.dispose]() {
      usr1[Symbol.dispose]();
      for (const { signal, handler } of listeners) Deno.removeSignalListener(signal, handler);
    },
  };
}

/** Whether this process has a controlling terminal: only then the device opens. */
export function hasTerminal(): boolean {
  try {
    Deno.openSync("/dev/tty").close();
    return true;
  } catch {
    return false;
  }
}

function listenToUsr1(onSignal: () => void): Disposable {
  if (libcUnavailable() === null) return catchUsr1(onSignal);
  // Deno's debugger opens too: nothing can be done about it without libc.
  Deno.addSignalListener("SIGUSR1", onSignal);
  return { [Symbol.dispose]: () => Deno.removeSignalListener("SIGUSR1", onSignal) };
}
