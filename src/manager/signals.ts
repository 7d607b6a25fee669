/** The signals that the manager heeds. Their handlers only enqueue. */

/** As gunicorn's arbiter; CHLD is implied by the status promise of each child. */
export const MANAGER_SIGNALS = [
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

/** Calls `enqueue` for each signal from now on. Dispose of it to leave signals to their defaults. */
export function listenToSignals(enqueue: (signal: ManagerSignal) => void): Disposable {
  const listeners = MANAGER_SIGNALS.map((signal) => ({ signal, handler: () => enqueue(signal) }));
  for (const { signal, handler } of listeners) Deno.addSignalListener(signal, handler);
  return {
    [Symbol.dispose]() {
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
