/** The machine and the versions that a run was made with, and whether others use it. */

import { machineBusySeconds } from "./cpu.ts";

async function firstLine(program: string, ...args: string[]): Promise<string | null> {
  try {
    const { stdout, stderr } = await new Deno.Command(program, {
      args,
      stdout: "piped",
      stderr: "piped",
    }).output();
    const text = new TextDecoder().decode(stdout) || new TextDecoder().decode(stderr);
    return text.trim().split("\n")[0] ?? null;
  } catch {
    return null; // not installed
  }
}

/** "CPU model, cores, memory, kernel". */
export function machine(): string {
  const model = Deno.readTextFileSync("/proc/cpuinfo").match(/^model name\s*: (.*)$/m)?.[1];
  const gigabytes = Math.round(Deno.systemMemoryInfo().total / 1e9);
  const cores = navigator.hardwareConcurrency;
  return `${model ?? "unknown CPU"}, ${cores} cores, ${gigabytes} GB, Linux ${Deno.osRelease()}`;
}

/** Every program that takes part, with its version. */
export async function versions(): Promise<string> {
  const number = (text: string | null) => text?.match(/\d+(\.\d+)+/)?.[0] ?? "not installed";
  const found = {
    Deno: Deno.version.deno,
    Node: number(await firstLine("node", "--version")),
    wrk: number(await firstLine("wrk", "-v")),
    Python: number(await firstLine("/usr/bin/python3", "--version")),
    gunicorn: number(await firstLine("gunicorn", "--version")),
    uWSGI: number(await firstLine("uwsgi", "--version")),
    Flask: number(
      await firstLine("/usr/bin/python3", "-c", "import flask; print(flask.__version__)"),
    ),
  };
  return Object.entries(found).map(([name, version]) => `${name} ${version}`).join(", ");
}

/** The commit that is measured; "+" marks changes that are not committed. */
export async function commit(): Promise<string> {
  const hash = await firstLine("git", "rev-parse", "--short", "HEAD");
  const changed = await firstLine("git", "status", "--porcelain", "--untracked-files=no");
  return hash === null ? "unknown" : `${hash}${changed ? "+" : ""}`;
}

/** Load averages over 1, 5 and 15 minutes, as one string. */
export function loadAverage(): string {
  return Deno.loadavg().map((load) => load.toFixed(2)).join(" ");
}

/** How long {@linkcode Quiet} looks before it says that a machine is quiet. */
const LOOK_MS = 400;

/** Waits for others to leave the machine alone, for a limited time over a whole run. */
export class Quiet {
  #budgetMs: number;

  constructor(budgetMs: number) {
    this.#budgetMs = budgetMs;
  }

  /** Returns once less than `share` of the machine is busy, or when the budget is used up. */
  async wait(share: number): Promise<void> {
    while (this.#budgetMs > 0) {
      const before = machineBusySeconds();
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
      const busy = (machineBusySeconds() - before) /
        (LOOK_MS / 1000 * navigator.hardwareConcurrency);
      if (busy <= share) return;
      this.#budgetMs -= LOOK_MS;
    }
  }
}
