/**
 * The benchmark: every server with the same apps, on this machine, in one run.
 *
 * `deno task bench [--quick] [--only NAME]... [--seconds N] [--rounds N]`
 *
 * Trials are interleaved (A B C A B C), so that a machine that slows down slows all alike, and rows
 * are medians. A whole run writes bench/README.md; --quick and --only print what they found.
 */

import { parseArgs } from "@std/cli";
import { type Case, CASES } from "./table/cases.ts";
import { commit, loadAverage, machine, Quiet, versions } from "./support/machine.ts";
import { labelOf, nodeModules, type Peer, PEERS } from "./table/peers.ts";
import { replaceResults, report } from "./table/report.ts";
import { NOISY_FOREIGN_SHARE, summarize, type Table } from "./table/summary.ts";
import { runTrial, type Trial, type TrialOptions } from "./table/trial.ts";

const HELP = `deno task bench [OPTIONS]

  --only NAME   only this app or server, e.g. hello, flask, denicorn; repeatable; prints, writes nothing
  --seconds N   of load in each trial (default 5)
  --rounds N    trials of each (default 3)
  --quick       one trial of 2 seconds each; prints, writes nothing
`;

const CONNECTIONS = 64;
/** V8 goes on optimizing for some seconds, where there is more code for longer. */
const WARM_UP_SECONDS = 4;
/** A trial during which others were busy is made again, but not for ever: some machines are never idle. */
const MAX_NOISY_TRIALS = 2;
/** How long a whole run, and one that is only looked at, waits for others to finish, all in all. */
const QUIET_BUDGET_MS = { whole: 20 * 60_000, part: 60_000 };

interface Plan extends TrialOptions {
  readonly rounds: number;
  readonly only: readonly string[];
  readonly write: boolean;
  readonly quiet: Quiet;
}

function plan(args: readonly string[]): Plan {
  const flags = parseArgs([...args], {
    boolean: ["quick", "help"],
    string: ["only", "seconds", "rounds"],
    collect: ["only"],
    unknown: (flag: string) => fail(`Unknown argument ${flag}\n\n${HELP}`),
  });
  if (flags.help) fail(HELP, 0);
  const only: string[] = flags.only;
  const names = new Set([...CASES.map(({ name }) => name), ...PEERS.map(({ name }) => name)]);
  for (const name of only) {
    if (![...names].some((known) => matches(known, name))) {
      fail(`Nothing is called "${name}": there are ${[...names].join(", ")}`);
    }
  }
  const write = only.length === 0 && !flags.quick;
  const seconds = positive("seconds", flags.seconds ?? (flags.quick ? "2" : "5"));
  return {
    seconds,
    warmUpSeconds: flags.quick ? 1 : WARM_UP_SECONDS,
    connections: CONNECTIONS,
    rounds: positive("rounds", flags.rounds ?? (flags.quick ? "1" : "3")),
    only,
    write,
    quiet: new Quiet(write ? QUIET_BUDGET_MS.whole : QUIET_BUDGET_MS.part),
  };
}

function positive(name: string, text: string): number {
  const value = Number(text);
  return Number.isInteger(value) && value > 0
    ? value
    : fail(`--${name} ${text}: it has to be a whole number from 1`);
}

function fail(message: string, code = 2): never {
  console.error(message);
  Deno.exit(code);
}

/** "gunicorn" means both of its kinds, "hello" not "wsgi-hello". */
function matches(name: string, wanted: string): boolean {
  return name === wanted || name.toLowerCase().startsWith(`${wanted.toLowerCase()} `);
}

function selected({ only }: Plan): [Case, Peer[]][] {
  const cases = CASES.filter(({ name }) => only.some((wanted) => matches(name, wanted)));
  const peers = PEERS.filter(({ name }) => only.some((wanted) => matches(name, wanted)));
  return (cases.length > 0 ? cases : CASES).map((what) => [
    what,
    (peers.length > 0 ? peers : PEERS).filter(({ kind }) => kind === what.kind),
  ]);
}

/** Hono for Node, outside of the repository; without a registry Node's row with Hono is missing. */
async function installForNode(): Promise<void> {
  await Deno.mkdir(nodeModules(), { recursive: true });
  const { imports } = JSON.parse(
    await Deno.readTextFile(new URL("../deno.json", import.meta.url)),
  );
  const hono = imports.hono.replace("npm:", "");
  await new Deno.Command("npm", {
    args: ["install", "--no-audit", "--no-fund", hono, "@hono/node-server@2.1.8"],
    cwd: nodeModules(),
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).output().catch(() => {});
}

/** The first quiet trial, or the quietest of MAX_NOISY_TRIALS + 1. */
async function quietTrial(peer: Peer, what: Case, options: Plan): Promise<Trial> {
  let best: Trial | null = null;
  for (let i = 0; i <= MAX_NOISY_TRIALS; i++) {
    await options.quiet.wait(NOISY_FOREIGN_SHARE);
    const trial = await runTrial(peer, what, options);
    if (best === null || trial.foreign < best.foreign) best = trial;
    if (best.foreign <= NOISY_FOREIGN_SHARE) break;
  }
  return best!;
}

async function measure(what: Case, peers: readonly Peer[], options: Plan): Promise<Table> {
  const trials = new Map(peers.map((peer) => [peer, [] as Trial[]]));
  const missing: { peer: Peer; reason: string }[] = [];
  for (let round = 1; round <= options.rounds; round++) {
    for (const peer of [...trials.keys()]) {
      try {
        const trial = await quietTrial(peer, what, options);
        trials.get(peer)!.push(trial);
        console.error(progress(round, what, peer, trial));
      } catch (error) {
        trials.delete(peer);
        const reason = error instanceof Error ? error.message.split("\n")[0]! : String(error);
        missing.push({ peer, reason });
        console.error(`${what.name}: ${labelOf(peer)}: ${reason}`);
      }
    }
  }
  return { what, rows: [...trials].map(([peer, list]) => summarize(peer, list)), missing };
}

function progress(round: number, what: Case, peer: Peer, trial: Trial): string {
  const { requestsPerSecond, cpuMicros, p99, foreign } = trial;
  const noise = foreign > NOISY_FOREIGN_SHARE
    ? ` (others took ${Math.round(foreign * 100)} %)`
    : "";
  return `${round} ${what.name}: ${labelOf(peer)}: ${Math.round(requestsPerSecond)} requests/s, ` +
    `${cpuMicros.toFixed(1)} µs/request, p99 ${p99.toFixed(2)} ms${noise}`;
}

async function main(args: readonly string[]): Promise<void> {
  const options = plan(args);
  const before = loadAverage();
  if (Deno.loadavg()[0]! > navigator.hardwareConcurrency / 2) {
    console.error(`This machine is busy (load average ${before}): figures will be noisy`);
  }
  const work = selected(options);
  if (
    work.some(([{ name }, peers]) =>
      name === "hono" && peers.some((p) => p.name.startsWith("Node"))
    )
  ) {
    await installForNode();
  }
  const tables: Table[] = [];
  for (const [what, peers] of work) tables.push(await measure(what, peers, options));
  const { seconds, warmUpSeconds, rounds } = options;
  const text = report(tables, {
    date: new Date().toISOString().slice(0, 10),
    commit: await commit(),
    machine: machine(),
    versions: await versions(),
    load: `wrk -t1 -c${CONNECTIONS} -d${seconds}s after ${warmUpSeconds} s of warming up, ` +
      `a fresh start each time, medians of ${rounds} interleaved rounds`,
    loadAverage: `${before}, ${loadAverage()}`,
    command: ["deno task bench", ...args].join(" "),
  });
  if (!options.write) return console.log(text);
  const page = new URL("README.md", import.meta.url);
  await Deno.writeTextFile(page, replaceResults(await Deno.readTextFile(page), text));
  await new Deno.Command(Deno.execPath(), {
    args: ["fmt", "-q", decodeURIComponent(page.pathname)],
  }).output();
  console.error("Written: bench/README.md");
}

if (import.meta.main) await main(Deno.args);
