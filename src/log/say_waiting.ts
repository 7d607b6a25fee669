/** What takes long to load is named in the log, before anybody has to guess why nothing happens. */

import type { Log } from "./record.ts";

/** When loading takes longer, the log says what is waited for; boot_timeout ends the wait. */
const SAY_WAITING_MS = 2_000;

/** Logs once what is waited for, if it takes long. */
export async function sayWaiting<T>(result: Promise<T>, log: Log, what: string): Promise<T> {
  const timer = setTimeout(() => log.warning(`Still waiting for ${what}`), SAY_WAITING_MS);
  try {
    return await result;
  } finally {
    clearTimeout(timer);
  }
}
