/**
 * Reaps the zombies of others. A manager that is process 1 of a container inherits every orphan in
 * it; nobody else will ever wait for them, and each keeps its entry in the process table.
 *
 * The catch: waitpid(-1) would also take the exit status of Deno.Command's own children, whose
 * `status` would then never resolve. Deno reaps these within a turn of its event loop, so a zombie
 * is an orphan only if an earlier sweep saw the very same one already, and if it is none of ours.
 */

import { libc, libcUnavailable } from "../libc.ts";

const P_ALL = 0;
const WNOHANG = 1;
const WEXITED = 4;
const WNOWAIT = 0x0100_0000;
/** sizeof(siginfo_t). */
const SIGINFO_BYTES = 128;
/** Offset of si_pid in it (its union is aligned to 8 bytes); 0 where nothing was found. */
const SI_PID_OFFSET = 16;

export class Reaper {
  readonly #isOurs: (pid: number) => boolean;
  /** Zombies of the last sweep: pid and start time, which together name one process for ever. */
  #seen: ReadonlySet<string> = new Set();

  /** @param isOurs Whether this pid is a child that Deno.Command waits for. */
  constructor(isOurs: (pid: number) => boolean) {
    this.#isOurs = isOurs;
  }

  /** Whether orphans come to this process at all, and libc can be called. */
  static isNeeded(): boolean {
    return Deno.pid === 1 && libcUnavailable() === null;
  }

  /** Reaps what was there at the last sweep already. Returns the pids. */
  sweep(): number[] {
    if (!anyZombie()) {
      this.#seen = new Set();
      return [];
    }
    const seen = new Set<string>();
    const reaped: number[] = [];
    for (const { pid, startTime } of zombieChildren()) {
      if (this.#isOurs(pid)) continue;
      const key = `${pid}@${startTime}`;
      if (!this.#seen.has(key)) seen.add(key);
      else if (libc().waitpid(pid, new Int32Array(1), WNOHANG) === pid) reaped.push(pid);
    }
    this.#seen = seen;
    return reaped;
  }
}

/** One system call that spares reading all of /proc in the usual case, and takes nothing away. */
function anyZombie(): boolean {
  const info = new Uint8Array(SIGINFO_BYTES);
  if (libc().waitid(P_ALL, 0, info, WEXITED | WNOHANG | WNOWAIT) !== 0) return false;
  return new DataView(info.buffer).getInt32(SI_PID_OFFSET, true) !== 0;
}

function* zombieChildren(): Generator<{ pid: number; startTime: string }> {
  for (const { name } of Deno.readDirSync("/proc")) {
    const pid = Number(name);
    if (!Number.isInteger(pid)) continue;
    let stat: string;
    try {
      stat = Deno.readTextFileSync(`/proc/${name}/stat`);
    } catch {
      continue; // gone between the listing and the reading
    }
    // "pid (comm) state ppid …": comm may hold anything, spaces and parentheses too. proc(5)
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    if (fields[0] === "Z" && Number(fields[1]) === Deno.pid) {
      yield { pid, startTime: fields[19] ?? "" };
    }
  }
}
