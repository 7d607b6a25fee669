/** What a tree of processes costs: CPU time and memory, from /proc (proc(5)). */

/** A process as /proc/PID/stat has it. Times in clock ticks. */
export interface ProcessStat {
  readonly pid: number;
  readonly parent: number;
  /** User and system time of the process itself. */
  readonly own: number;
  /** The same of its children that ended and were waited for, and of theirs. */
  readonly ended: number;
}

/** Linux's USER_HZ, which every architecture that Deno runs on has at 100. */
const TICKS_PER_SECOND = 100;

/** Reads one line of /proc/PID/stat. The command stands in parentheses and may contain some itself. */
export function parseStat(line: string): ProcessStat {
  const [pid] = line.split(" ", 1);
  const fields = line.slice(line.lastIndexOf(")") + 2).split(" ").map(Number);
  const at = (field: number) => fields[field - 3] ?? 0; // numbered as in proc(5)
  return { pid: Number(pid), parent: at(4), own: at(14) + at(15), ended: at(16) + at(17) };
}

/** `root` and all that descend from it, of a list of all processes. */
export function treeOf(root: number, all: readonly ProcessStat[]): ProcessStat[] {
  const pids = new Set([root]);
  // Parents may come after their children: repeat until nothing is new. Trees are flat, so this ends soon.
  for (let before = 0; before !== pids.size;) {
    before = pids.size;
    for (const { pid, parent } of all) if (pids.has(parent)) pids.add(pid);
  }
  return all.filter(({ pid }) => pids.has(pid));
}

/** Null where the process has ended meanwhile. */
function read(path: string): string | null {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return null;
  }
}

function allProcesses(): ProcessStat[] {
  const all: ProcessStat[] = [];
  for (const { name } of Deno.readDirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const line = read(`/proc/${name}/stat`);
    if (line !== null) all.push(parseStat(line));
  }
  return all;
}

/** The pids of `root` and of all that descend from it, now. */
export function treePids(root: number): number[] {
  return treeOf(root, allProcesses()).map(({ pid }) => pid);
}

/**
 * CPU seconds that the tree under `root` has used since it began, those of ended children included.
 * In steps of 10 ms for each process: take differences over seconds.
 */
export function treeCpuSeconds(root: number): number {
  const tree = treeOf(root, allProcesses());
  return tree.reduce((sum, { own, ended }) => sum + own + ended, 0) / TICKS_PER_SECOND;
}

/** The number before "kB" behind `key`, as bytes; 0 where there is none. */
export function parseKilobytes(text: string, key: string): number {
  const found = text.match(new RegExp(`^${key}:\\s+(\\d+) kB`, "m"));
  return found ? Number(found[1]) * 1024 : 0;
}

/** Memory of a process, bytes: Pss, i.e. a page that n processes share counts as an nth for each. */
export function processPss(pid: number): number {
  return parseKilobytes(read(`/proc/${pid}/smaps_rollup`) ?? "", "Pss");
}

/** Memory of the tree, bytes. */
export function treePss(root: number): number {
  return treePids(root).reduce((sum, pid) => sum + processPss(pid), 0);
}

/** Busy CPU seconds of the whole machine since boot, from the first line of /proc/stat. */
export function parseBusySeconds(stat: string): number {
  const [user, nice, system, , , irq, softirq, steal] = stat.split("\n", 1)[0]!.split(/\s+/).slice(
    1,
  )
    .map(Number);
  return (user! + nice! + system! + irq! + softirq! + steal!) / TICKS_PER_SECOND;
}

export function machineBusySeconds(): number {
  return parseBusySeconds(Deno.readTextFileSync("/proc/stat"));
}
