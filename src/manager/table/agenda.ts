/** What is to be done, as the table decides it: each step is noted on its proc at once, and due once. */

import type { Decision } from "./decision.ts";
import { QUICK_MS } from "./limits.ts";
import type { Leave, Proc } from "./proc.ts";

export class Agenda {
  #due: Decision[] = [];

  get isEmpty(): boolean {
    return this.#due.length === 0;
  }

  /** All that became due since the last call, in order. */
  take(): Decision[] {
    const due = this.#due;
    this.#due = [];
    return due;
  }

  /** A step that is noted elsewhere, or needs no note. */
  add(decision: Decision): void {
    this.#due.push(decision);
  }

  listen(proc: Proc, now: number): void {
    proc.state = "listening";
    proc.heardAt = now;
    this.#due.push({ type: "listen", id: proc.id });
  }

  drain(proc: Proc, now: number, { reason, lingerMs, withinMs, why }: Leave): void {
    leaves(proc, now, withinMs);
    this.#due.push({ type: "drain", id: proc.id, reason, lingerMs, why });
  }

  stop(proc: Proc, now: number): void {
    if (proc.stopped) return;
    leaves(proc, now, QUICK_MS);
    proc.stopped = true;
    this.#due.push({ type: "stop", id: proc.id });
  }

  /**
   * Lets go of a proc that is not needed and serves nobody yet: it is killed. The race: once it has
   * been told to listen it may have connections, which would die with it. So it is then drained, as
   * soon as it has said that it listens.
   */
  dismiss(proc: Proc, now: number, leave: Leave): void {
    if (proc.dismissed !== null) return;
    if (proc.state !== "listening") return this.kill(proc, now);
    leaves(proc, now, leave.withinMs);
    proc.dismissed = leave;
  }

  kill(proc: Proc, now: number): void {
    if (proc.killed) return;
    leaves(proc, now, 0);
    proc.killed = true;
    this.#due.push({ type: "kill", id: proc.id, why: null });
  }

  /** Kills one whose time is up. Unless it is leaving already, its end is a crash and counts as one. */
  killOverdue(proc: Proc, why: string): void {
    proc.killed = true;
    this.#due.push({ type: "kill", id: proc.id, why });
  }
}

/** Notes that a proc goes, and when it has to be gone. */
export function leaves(proc: Proc, now: number, withinMs: number): void {
  proc.state = "leaving";
  proc.leftAt ??= now;
  proc.killAt = Math.min(proc.killAt, now + withinMs);
}
