/**
 * What the way to a thread costs at least: `deno run -A bench/hop.ts [SECONDS] [ROUNDS]`
 *
 * CPU per request of hello under wrk: plain Deno.serve, one that answers later, one that asks a Web
 * Worker with no more than a number and the URL, and denicorn inline and with one thread.
 */

import { treeCpuSeconds } from "./support/cpu.ts";
import { runWrk } from "./support/load.ts";
import { freePort, Server } from "./support/server.ts";
import { CASES } from "./table/cases.ts";
import { median } from "./table/summary.ts";

const CONNECTIONS = 64;
/** V8 goes on optimizing for some seconds. */
const WARM_UP_SECONDS = 6;

const own = (threads: number) => (port: number) => [
  ...["mod.ts", "-w", "1", "-t", `${threads}`, "-b", `127.0.0.1:${port}`],
  "bench/apps/hello.ts",
];

/** The arguments of `deno run -A`, by what is started with them. */
const SERVERS: Readonly<Record<string, (port: number) => string[]>> = {
  "Deno.serve": (port) => ["bench/apps/serve.ts", "../../bench/apps/hello.ts", `${port}`],
  "Deno.serve, later": (port) => ["bench/apps/later.ts", `${port}`],
  "Deno.serve, by a worker": (port) => ["bench/apps/hop.ts", `${port}`],
  "denicorn, inline": own(0),
  "denicorn, one thread": own(1),
};

async function micros(args: (port: number) => string[], seconds: number): Promise<number> {
  const port = freePort();
  const url = `http://127.0.0.1:${port}/`;
  await using server = new Server({ program: "deno", args: ["run", "-A", ...args(port)] });
  await server.ready(url, CASES[0]!);
  await runWrk({ url, seconds: WARM_UP_SECONDS, connections: CONNECTIONS });
  const before = treeCpuSeconds(server.pid);
  const { requests } = await runWrk({ url, seconds, connections: CONNECTIONS });
  return (treeCpuSeconds(server.pid) - before) * 1e6 / requests;
}

const [seconds = "3", rounds = "4"] = Deno.args;
const costs = new Map(Object.keys(SERVERS).map((name) => [name, [] as number[]]));
for (let round = 0; round < Number(rounds); round++) {
  for (const [name, args] of Object.entries(SERVERS)) {
    costs.get(name)!.push(await micros(args, Number(seconds)));
  }
}
const base = median(costs.get("Deno.serve")!);
for (const [name, all] of costs) {
  const shown = all.map((cost) => cost.toFixed(1)).join(", ");
  console.log(
    `${name}: ${median(all).toFixed(1)} µs, ${(median(all) / base).toFixed(2)} (${shown})`,
  );
}
