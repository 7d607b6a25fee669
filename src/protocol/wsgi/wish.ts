/**
 * What finds no room in the common queue stays with the server, which learns of room from the threads: it
 * may come without a response, where a thread passes over what was given up, or takes what it then runs for
 * long.
 *
 * The invariant: where something stays with the server, something is in the queue, or a thread is about to
 * report, or the server to look again. The race to avoid: the server wishes for room where it finds none,
 * and looks once more; a thread gives memory back, and then looks for a wish. One of the two sees the other.
 * A thread reports only an empty queue, so that a server that is full does not get two messages for each
 * exchange: as long as something is in the queue some thread comes to it (standby.ts), and the last one
 * finds it empty. Whoever reports wakes the server as after a record of the ring out: one that is awake
 * looks once more before it sleeps.
 */

/** Control word, beside those of common_queue.ts: something found no room. */
const WISH = 8;

/** The server looks for room once more after this. */
export function wishForRoom(control: Int32Array): void {
  Atomics.store(control, WISH, 1);
}

export function isWishedFor(control: Int32Array): boolean {
  return Atomics.load(control, WISH) === 1;
}

/** Whether the caller is to report: one alone is, for each wish. */
export function takeWish(control: Int32Array): boolean {
  return Atomics.exchange(control, WISH, 0) === 1;
}
