/** What the end of a process means, in words. */

import { ExitCode } from "../../errors.ts";

const CODES: Readonly<Record<number, string>> = {
  [ExitCode.ok]: "ended by itself",
  [ExitCode.system]: "an error of the system, or an uncaught error",
  [ExitCode.usage]: "wrong usage or configuration",
  [ExitCode.boot]: "it failed to boot",
  [ExitCode.app]: "the app failed to load",
};

const SIGNALS: Readonly<Record<string, string>> = {
  SIGKILL: "by somebody, or by the kernel for want of memory: see dmesg",
  SIGSEGV: "a fault in native code: an FFI library or a Python extension, most likely",
  SIGBUS: "a fault in native code, or a full disk under a mapped file",
  SIGABRT: "native code gave up, see above what it printed",
  SIGTRAP: "V8 gave up, out of memory most likely",
  SIGILL: "native code gave up, or was built for another CPU",
  SIGSYS: "a system call that seccomp forbids",
};

/**
 * Says how a process ended: "was killed by SIGKILL (…)", "exited with code 4 (…)". `served`: it had
 * booted, and what is a boot's code is none of ours.
 */
export function describeExit(
  status: Pick<Deno.CommandStatus, "code" | "signal">,
  { served = false } = {},
): string {
  const { code, signal } = status;
  if (signal !== null) {
    const meaning = SIGNALS[signal];
    return `was killed by ${signal}${meaning === undefined ? "" : ` (${meaning})`}`;
  }
  const meaning = served && code > ExitCode.system ? "the app's own" : CODES[code];
  return `exited with code ${code}${meaning === undefined ? "" : ` (${meaning})`}`;
}
