/** How much processor time a thread has used. */

import { check, libc } from "./libc.ts";

const CLOCK_THREAD_CPUTIME_ID = 3;
/** struct timespec: seconds and nanoseconds. */
const timespec = new BigInt64Array(2);

/** Processor time that this thread has used since its beginning, milliseconds. clock_gettime(2) */
export function threadCpuMs(): number {
  const got = libc().clock_gettime(CLOCK_THREAD_CPUTIME_ID, timespec);
  check(got, "clock_gettime", "Cannot read this thread's processor time");
  return Number(timespec[0]) * 1e3 + Number(timespec[1]) / 1e6;
}
