/** What a process can be told about itself: die with its parent, bear a name. */

import { check, cString, libc } from "../libc.ts";

const PR_SET_PDEATHSIG = 1;
const PR_SET_NAME = 15;
/** TASK_COMM_LEN of the kernel, less its NUL. */
const MAX_COMM_BYTES = 15;

/** Linux's numbers of the signals that make sense as a parent's last word. */
const SIGNALS = { SIGKILL: 9, SIGTERM: 15 } as const;

/**
 * Has the kernel send `signal` to this process when its parent dies, so that nothing outlives a
 * manager that was killed, not even a proc whose server thread is stuck. Call it after a change of
 * user: that clears it. Returns false where the parent was gone before: then the signal will never
 * come, and the caller must leave by itself.
 *
 * @param parent The process that started this one; the current parent when not given.
 */
export function setParentDeathSignal(
  signal: keyof typeof SIGNALS = "SIGKILL",
  parent: number = Deno.ppid,
): boolean {
  check(
    libc().prctl(PR_SET_PDEATHSIG, BigInt(SIGNALS[signal]), 0n, 0n, 0n),
    "prctl(PR_SET_PDEATHSIG)",
    "Cannot tie this process to its parent",
  );
  // The race: a parent that died before prctl() sends nothing. An orphan has another parent by now.
  return Deno.ppid === parent;
}

/** Names the main thread, which is the name in `top`, `pgrep` and `ps -o comm`; cut to 15 bytes. */
export function setProcessName(name: string): void {
  const bytes = cString(name).slice(0, MAX_COMM_BYTES + 1);
  bytes[bytes.length - 1] = 0;
  check(
    libc().prctl_string(PR_SET_NAME, bytes, 0n, 0n, 0n),
    "prctl(PR_SET_NAME)",
    `Cannot name this process ${JSON.stringify(name)}`,
  );
}
