import { assert, assertEquals } from "@std/assert";
import { allowedCpus } from "../../../src/config/cpus.ts";

const cpus = (files: Readonly<Record<string, string>>) =>
  allowedCpus((path) => files[path] ?? null);
const status = (list: string) => ({
  "/proc/self/status": `Name:\tx\nCpus_allowed_list:\t${list}\n`,
});

Deno.test("the CPUs that sched_setaffinity leaves count", () => {
  assertEquals(cpus(status("0")), 1);
  assertEquals(cpus(status("0-7")), 8);
  assertEquals(cpus(status("0-3,8,10-11")), 7);
});

Deno.test("a quota of cgroup v2 counts, rounded up", () => {
  const group = { ...status("0-7"), "/proc/self/cgroup": "0::/\n" };
  const max = (text: string) => cpus({ ...group, "/sys/fs/cgroup/cpu.max": text });
  assertEquals(max("200000 100000\n"), 2);
  assertEquals(max("150000 100000\n"), 2);
  assertEquals(max("10000 100000\n"), 1);
  assertEquals(max("max 100000\n"), 8);
  assertEquals(max("1600000 100000\n"), 8);
  assertEquals(max("nonsense"), 8);
});

Deno.test("the least quota on the way to the root counts", () => {
  const files = {
    ...status("0-7"),
    "/proc/self/cgroup": "0::/a/b/c\n",
    "/sys/fs/cgroup/a/cpu.max": "300000 100000",
    "/sys/fs/cgroup/a/b/cpu.max": "max 100000",
    "/sys/fs/cgroup/a/b/c/cpu.max": "500000 100000",
  };
  assertEquals(cpus(files), 3);
});

Deno.test("a quota of cgroup v1 counts, also where a container sees the host's path", () => {
  const files = {
    ...status("0-7"),
    "/proc/self/cgroup": "5:memory:/docker/x\n4:cpu,cpuacct:/docker/x\n",
    "/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "200000\n",
    "/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000\n",
  };
  assertEquals(cpus(files), 2);
  assertEquals(cpus({ ...files, "/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "-1\n" }), 8);
});

Deno.test("without any of these files, Deno's own count is taken", () => {
  assertEquals(cpus({}), navigator.hardwareConcurrency);
  assert(allowedCpus() >= 1);
});
