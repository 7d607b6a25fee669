/**
 * The garbage that bodies leave. A buffer's bytes are outside of V8's heap. They are freed with the small
 * object that refers to them, when the young generation is full of such objects: that is late. An upload
 * of 100 MB took 40 MB of memory, of which only a few bytes were in use. And V8 counts those bytes
 * against what its old generation may grow to, which is little where the heap is small: so it went over
 * the whole heap after each thousand responses of 10 KiB.
 */

import { setImmediate } from "node:timers";

/** What the collector is called, where the process was started so (`--expose-gc-as`). */
export const COLLECT = "__denicorn_collect";

/** It is collected after so many bytes. A collection takes some 0.2 ms, one for each 2 ms of upload. */
const STEP_BYTES = 2 * 1024 * 1024;
/** The same for whole bodies. Under the 8 to 10 MiB that a heap of 8 MiB has left. */
const BODIES_STEP_BYTES = 4 * 1024 * 1024;

const collect = (globalThis as { [COLLECT]?(options: { type: "minor" }): void })[COLLECT];
let passed = 0;
let bodies = 0;

/** To be called with the bytes of each chunk that this thread gets. */
export function chunkCame(bytes: number): void {
  passed += bytes;
  if (passed < STEP_BYTES) return;
  passed = 0;
  collect?.({ type: "minor" });
}

/** To be called with the bytes of each whole body that this thread gets, or makes. */
export function bodyCame(bytes: number): void {
  const before = bodies;
  bodies += bytes;
  // When the batch in hand is passed on: what is alive at two collections becomes old, and would then
  // wait for the whole heap to be gone over (bodies of 100 KiB cost half as much again so).
  if (before < BODIES_STEP_BYTES && bodies >= BODIES_STEP_BYTES) setImmediate(collectBodies);
}

function collectBodies(): void {
  bodies = 0;
  collect?.({ type: "minor" });
}
