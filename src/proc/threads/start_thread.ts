/** Starts a Web Worker, which is a thread of the system's. */

import { BootError } from "../../errors.ts";

/** @throws {BootError} where the system has no thread left, which Deno calls "WouldBlock". */
export function startThread(url: string | URL, options: WorkerOptions): Worker {
  try {
    return new Worker(url, options);
  } catch (error) {
    if (!(error instanceof Deno.errors.WouldBlock)) throw error;
    throw new BootError(
      `Cannot start ${options.name}: the system allows no more threads; raise the limit ` +
        `(ulimit -u, TasksMax= of systemd, pids.max of the container), or take fewer threads`,
      { cause: error },
    );
  }
}
