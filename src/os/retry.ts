/** The patience with what another server has still, as it is about to stop: an address, a pid file. */

import type { Log } from "../log/record.ts";

/** How often it is tried again, and the pause, as gunicorn has it. */
const RETRIES = 5;
const RETRY_MS = 1_000;

export interface Patience {
  readonly log: Log;
  /** Wait for what is in use, as at the start: the server before may be about to stop. */
  readonly patient: boolean;
}

/**
 * Calls `open` until it throws nothing, a few times where that `isInUse`: a server that stops needs
 * its time. Throws the last error. `what` is for people to read.
 */
export async function retryWhile<T>(
  isInUse: (error: unknown) => boolean,
  what: string,
  { log, patient }: Patience,
  open: () => T,
): Promise<T> {
  for (let left = patient ? RETRIES : 0;; left--) {
    try {
      return open();
    } catch (error) {
      if (left === 0 || !isInUse(error)) throw error;
      log.error(`${what} is in use; trying again in ${RETRY_MS / 1_000} s`);
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }
}
