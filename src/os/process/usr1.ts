/**
 * SIGUSR1 without the debugger. Deno opens its inspector on 127.0.0.1:9229 at a SIGUSR1, listener or
 * not, and whoever can connect to that runs code in the process. No option turns it off, so the
 * signal must not reach Deno's handler.
 *
 * Another handler has to be C, since a signal may interrupt anything; and there is no C here but
 * libc's. One of its functions will do: `alarm`, which is called with the signal's number as its
 * seconds, may be called from a handler (signal-safety(7)), and leaves a trace that can be read and
 * wiped in one call: `alarm(0)` tells how many seconds were left.
 */

import { cString, libc } from "../libc.ts";

/** Its number on Linux (x86-64 and aarch64), which `alarm` is called with: so many seconds. */
const SIGUSR1 = 10;
const RTLD_DEFAULT = 0n;
/** How often to look, milliseconds. A look costs a tenth of a microsecond, and the wake-up ten. */
const POLL_MS = 200;

/** Calls `onSignal` soon after a SIGUSR1; several within {@linkcode POLL_MS} are one. Needs libc. */
export function catchUsr1(onSignal: () => void): Disposable {
  // Comes only where nobody has looked for ten seconds; by default it would end the process.
  Deno.addSignalListener("SIGALRM", onSignal);
  replaceHandler("alarm");
  const timer = setInterval(() => {
    if (libc().alarm(0) > 0) onSignal();
  }, POLL_MS);
  return {
    [Symbol.dispose]() {
      clearInterval(timer);
      ignoreUsr1();
      libc().alarm(0);
      Deno.removeSignalListener("SIGALRM", onSignal);
    },
  };
}

/**
 * Has every SIGUSR1 to this process come to nothing: to `htonl`, which only computes and may be called
 * from a handler. SIG_IGN would be inherited by whatever the app starts, over execve(2), and a shell
 * cannot trap what was ignored when it began; a handler ends there. Needs libc.
 */
export function ignoreUsr1(): void {
  replaceHandler("htonl");
}

/**
 * Deno sets its handler once, at the first listener or half a second after the start, whichever comes
 * first, and passes the signal on to a handler that was there before. So its own has to be first.
 */
function replaceHandler(name: "alarm" | "htonl"): void {
  Deno.addSignalListener("SIGUSR1", nothing);
  libc().signal(SIGUSR1, libc().dlsym(RTLD_DEFAULT, cString(name)));
}

function nothing(): void {}
