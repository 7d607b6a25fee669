/** Processes as /proc shows them. Those of one test are known by a mark in their environment. */

/** The environment variable that every process of a scene inherits. */
export const MARK = "SCENE_MARK";

export interface Process {
  readonly pid: number;
  readonly ppid: number;
  /** R, S, T (stopped), Z (zombie) …, proc_pid_stat(5). */
  readonly state: string;
  readonly command: string;
}

/** All living processes that carry this mark, whoever is their parent by now. */
export function marked(mark: string): Process[] {
  return [...everyPid()].filter((pid) => carries(pid, mark)).flatMap((pid) => look(pid) ?? []);
}

/** The process, or null where there is none (a zombie counts as gone). */
export function look(pid: number): Process | null {
  try {
    const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const state = fields[0] ?? "";
    if (state === "Z" || state === "X") return null;
    const command = Deno.readTextFileSync(`/proc/${pid}/cmdline`).replaceAll("\0", " ").trim();
    return { pid, ppid: Number(fields[1]), state, command };
  } catch {
    return null;
  }
}

/** CPU time of a process, seconds (of the usual 100 ticks each). */
export function cpuSeconds(pid: number): number {
  const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

/** Resident memory of a process, bytes. */
export function rssBytes(pid: number): number {
  const status = Deno.readTextFileSync(`/proc/${pid}/status`);
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024;
}

/** How many descriptors a process has open. */
export function descriptorsOf(pid: number): number {
  return [...Deno.readDirSync(`/proc/${pid}/fd`)].length;
}

function* everyPid(): Generator<number> {
  for (const { name } of Deno.readDirSync("/proc")) {
    if (/^\d+$/.test(name)) yield Number(name);
  }
}

function carries(pid: number, mark: string): boolean {
  try {
    const environ = Deno.readTextFileSync(`/proc/${pid}/environ`).split("\0");
    return environ.includes(`${MARK}=${mark}`);
  } catch {
    return false;
  }
}
