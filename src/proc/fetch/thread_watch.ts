/**
 * Which threads of a fetch app keep their event loop from turning. One that computes for long, or
 * spins, answers nothing; what waits in its queue would wait as long, while other threads are free.
 *
 * At each sweep the server asks for a sign of life from every thread that has exchanges or WebSockets, or
 * was told something since. An idle thread is asked nothing, and one that serves fast pays one message in
 * a quarter of a second.
 */

import type { FetchThread } from "./thread.ts";

/** A thread that says nothing for so long is busy with itself, milliseconds. */
const SILENCE_MS = 500;
/** Counted in sweeps rather than by the clock: a server that was itself held up blames nobody. */
export function isSilent(thread: FetchThread): boolean {
  // The first sweep only asks.
  return thread.silentMs > SILENCE_MS;
}

/** To be called every SLOT_MS. Returns the threads that are silent. */
export function watch(threads: readonly FetchThread[]): FetchThread[] {
  for (const thread of threads) {
    // A thread that was asked counts as asked until it is heard, even if all that it had was given up.
    const { exchanges, sockets, told, unheardSweeps } = thread;
    thread.told = false;
    if (!told && exchanges.size + sockets.size + unheardSweeps === 0) continue;
    thread.unheardSweeps++;
    thread.ping();
  }
  return threads.filter(isSilent);
}
