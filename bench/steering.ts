/**
 * New connections among three procs, one of them slow: `deno run -A bench/steering.ts [SECONDS]`
 *
 * The slow one takes 4 ms of CPU for a request, so that it can serve 250 a second. Connections come at
 * a constant rate, whether earlier ones are answered or not, as from many clients; the first three
 * seconds are not counted. With `steering: reload` the kernel's hash alone spreads them, with `load`
 * the manager does.
 */

import { arrive, percentile } from "./support/arrivals.ts";
import { CASES } from "./table/cases.ts";
import { markdownTable } from "./table/report.ts";
import { freePort, Server } from "./support/server.ts";

const RATES = [300, 600, 900];
const WARM_UP_SECONDS = 3;
const ROOT = new URL("../", import.meta.url).pathname;
async function trial(steering: string, rate: number, seconds: number): Promise<string[]> {
  const port = freePort();
  const SLOW_DIR = `${await Deno.makeTempDir()}/slow`;
  const options = ["-w", "3", "-P", String(port), "--steering", steering, "--log-level", "error"];
  await using server = new Server({
    program: "deno",
    args: ["run", "-A", `${ROOT}mod.ts`, ...options, `${ROOT}bench/apps/one_slow.ts`],
    env: { SLOW_DIR },
  });
  await server.ready(`http://127.0.0.1:${port}/`, { ...CASES[0]!, begin: "" });
  const answers = await arrive(port, rate, { seconds, warmUpSeconds: WARM_UP_SECONDS });
  const answered = answers.filter(({ status }) => status === 200);
  const slow = answered.filter(({ text }) => text.endsWith("\r\nslow")).length / answered.length;
  const at = (share: number) => percentile(answered, share);
  const failed = answers.length - answered.length;
  const share = `${(100 * slow).toFixed(0)} %`;
  return [String(rate), steering, share, at(0.5), at(0.9), at(0.99), String(failed)];
}

const seconds = Number(Deno.args[0] ?? 10);
const rows: string[][] = [];
for (const rate of RATES) {
  for (const steering of ["reload", "load"]) rows.push(await trial(steering, rate, seconds));
}
console.log(markdownTable(
  ["connections/s", "steering", "to the slow one", "p50 ms", "p90 ms", "p99 ms", "failed"],
  rows,
));
