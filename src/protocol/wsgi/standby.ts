/**
 * Which of the threads at the common queue is woken, and when.
 *
 * How many threads are woken matters, since all of them contend for the GIL. At any time at most one is
 * on the way to look at the queue, the standby: who puts an exchange in wakes one only if there is no
 * standby; and who takes an exchange and leaves others behind makes sure that there is one. As the
 * standby waits for the GIL it costs nothing while the app computes, and it runs as soon as the app
 * blocks. The race to avoid: a thread clears STANDBY before it looks, so whoever puts something in
 * either is seen by that look, or sees STANDBY cleared and wakes another one.
 *
 * Where calls are quick (wsgi/pace.ts), another thread would find nothing: the one at work stays the
 * standby itself, and clears STANDBY only when it finds the queue empty, before one more look. Should a
 * call block nevertheless, nobody is on the way. So the server comes back, in some milliseconds and until
 * the queue is empty, to whatever it put in behind something else or while there was a standby already:
 * where nothing was taken in between, it sends a thread, and calls are quick no longer. The invariant: an
 * exchange that waits has a thread on its way that does not run another one before; or the server comes
 * back; or the turn that follows put() is still to come. It takes that only the server says that calls
 * are quick, before it counts what waits. Clearing STANDBY is always safe for a thread that looks
 * afterwards: at worst one too many is woken.
 *
 * Which of them is woken matters too: always the first one that sleeps, so that as few as will do stay
 * at work, with what they use warm in the caches. Each sleeps on a word of its own. The race to avoid
 * there: a thread says that it sleeps, and then looks for the token once more; who sets the token looks
 * for sleepers afterwards, so that one of the two sees the other.
 */

/** Control words: a thread is on its way; it may wake up. */
const STANDBY = 2;
const TOKEN = 3;
/** Calls are quick: set by the server, cleared by anyone. What was taken when they last were not. */
const QUICK = 6;
const SLOW_AT = 7;

/**
 * So many exchanges in a row have to be quick. If only one in so many blocks, the ones that it holds up do
 * not show in the 99th percentile.
 */
const QUICK_EXCHANGES = 4096;

/** Sends a thread on its way, unless one is. Returns whether it has sent one. */
export function sendThread(control: Int32Array, sleepers: Int32Array): boolean {
  if (Atomics.load(control, STANDBY) !== 0 || !becomeStandby(control)) return false;
  rouseFirst(control, sleepers);
  return true;
}

/** Sends a thread on its way, whoever the standby was. */
export function replaceStandby(control: Int32Array, sleepers: Int32Array): void {
  Atomics.store(control, STANDBY, 1);
  rouseFirst(control, sleepers);
}

function rouseFirst(control: Int32Array, sleepers: Int32Array): void {
  Atomics.store(control, TOKEN, 1);
  // Where none sleeps, the next one that would finds the token.
  for (let i = 0; i < sleepers.length; i++) if (rouse(sleepers, i)) return;
}

/** Wakes a thread if it sleeps. Returns whether it did. */
export function rouse(sleepers: Int32Array, thread: number): boolean {
  if (Atomics.load(sleepers, thread) === 0) return false;
  if (Atomics.compareExchange(sleepers, thread, 1, 0) === 0) return false;
  Atomics.notify(sleepers, thread);
  return true;
}

export function becomeStandby(control: Int32Array): boolean {
  return Atomics.compareExchange(control, STANDBY, 0, 1) === 0;
}

/** From now on another thread has to be woken. The calling one looks at the queue next. */
export function stepDown(control: Int32Array): void {
  Atomics.store(control, STANDBY, 0);
}

/** Whether a thread was sent for; whoever is told so is the one. */
export function takeToken(control: Int32Array): boolean {
  return Atomics.compareExchange(control, TOKEN, 1, 0) === 1;
}

export function hasToken(control: Int32Array): boolean {
  return Atomics.load(control, TOKEN) === 1;
}

export function areQuick(control: Int32Array): boolean {
  return Atomics.load(control, QUICK) === 1;
}

/** Calls take long, or block: found when so many exchanges were taken. */
export function endQuick(control: Int32Array, taken: number): void {
  Atomics.store(control, SLOW_AT, taken);
  Atomics.store(control, QUICK, 0);
}

/** Whether calls are quick: not before so many were. For the server alone. */
export function beginQuick(control: Int32Array, taken: number): boolean {
  if (areQuick(control)) return true;
  if (((taken - Atomics.load(control, SLOW_AT)) | 0) < QUICK_EXCHANGES) return false;
  Atomics.store(control, QUICK, 1);
  return true;
}
