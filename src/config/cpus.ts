/** How many CPUs this process may use: a container's quota counts, not the machine behind it. */

const CGROUP_ROOT = "/sys/fs/cgroup";

/** The text of a file, or null where there is none. */
export type ReadFile = (path: string) => string | null;

/** At least 1. A quota of 1.5 CPUs gives 2: two processes can use it, one cannot. */
export function allowedCpus(read: ReadFile = readOrNull): number {
  const runnable = affinity(read("/proc/self/status")) ?? navigator.hardwareConcurrency ?? 1;
  const quota = cgroupQuota(read);
  return Math.max(1, Math.min(runnable, Math.ceil(quota)));
}

/** CPUs that sched_setaffinity and cpusets leave: `Cpus_allowed_list:	0-3,8` in /proc/self/status. */
function affinity(status: string | null): number | null {
  const list = /^Cpus_allowed_list:\s*([\d,-]+)$/m.exec(status ?? "")?.[1];
  if (list === undefined) return null;
  let count = 0;
  for (const range of list.split(",")) {
    const [first = NaN, last = first] = range.split("-").map(Number);
    count += last - first + 1;
  }
  return Number.isInteger(count) && count > 0 ? count : null;
}

/** The least quota from the own cgroup up to the root: a parent's limit binds its children. */
function cgroupQuota(read: ReadFile): number {
  let least = Infinity;
  for (const line of (read("/proc/self/cgroup") ?? "0::/").split("\n")) {
    const [, controllers = "", group = ""] = /^\d+:([^:]*):(\/.*)$/.exec(line) ?? [];
    if (group === "") continue;
    if (controllers === "") {
      least = Math.min(least, ...upwards(CGROUP_ROOT, group).map((dir) => quotaV2(read, dir)));
    } else if (controllers.split(",").includes("cpu")) {
      const roots = [`${CGROUP_ROOT}/${controllers}`, `${CGROUP_ROOT}/cpu`];
      const dirs = roots.flatMap((root) => upwards(root, group));
      least = Math.min(least, ...dirs.map((dir) => quotaV1(read, dir)));
    }
  }
  return least;
}

/** In a container the own group may be named as the host sees it and stand at the root. */
function upwards(root: string, group: string): string[] {
  const parts = group.split("/").filter((part) => part !== "" && part !== "..");
  return [...parts.keys(), parts.length].map((n) => [root, ...parts.slice(0, n)].join("/"));
}

function quotaV2(read: ReadFile, dir: string): number {
  const [quota, period] = (read(`${dir}/cpu.max`) ?? "").trim().split(/\s+/);
  return cpusOf(Number(quota), Number(period));
}

function quotaV1(read: ReadFile, dir: string): number {
  const quota = Number(read(`${dir}/cpu.cfs_quota_us`) ?? NaN);
  return cpusOf(quota, Number(read(`${dir}/cpu.cfs_period_us`) ?? NaN));
}

/** "max" and -1 mean no quota. */
function cpusOf(quota: number, period: number): number {
  return quota > 0 && period > 0 ? quota / period : Infinity;
}

function readOrNull(path: string): string | null {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return null;
  }
}
