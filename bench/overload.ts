/**
 * Ten times what a server can serve: `deno run -A bench/overload.ts [SECONDS]`
 *
 * The app takes 20 ms of CPU for a request, so that there is some to spare for clients and for saying
 * no. First its best is found, by 8 clients that wait for their answers; then connections come at ten
 * times that rate, whether earlier ones are answered or not. Shown is what is still served, how
 * quickly the rest is refused, and the memory meanwhile.
 */

import { arrive, percentile } from "./support/arrivals.ts";
import { CASES } from "./table/cases.ts";
import { processPss, treePids } from "./support/cpu.ts";
import { runWrk } from "./support/load.ts";
import { freePort, Server } from "./support/server.ts";

const TIMES = 10;
const CLIENTS = 8;
const WARM_UP_SECONDS = 2;
const MIB = 1024 * 1024;
const ROOT = new URL("../", import.meta.url).pathname;

/** Every process of the server, MiB. */
const memory = (server: Server) =>
  Math.round(treePids(server.pid).reduce((sum, pid) => sum + processPss(pid), 0) / MIB);

const seconds = Number(Deno.args[0] ?? 10);
const port = freePort();
const url = `http://127.0.0.1:${port}/`;
// One thread, so that the clients have a core of their own on a small machine.
const options = ["-w", "1", "-P", String(port), "--backlog-per-thread", "16"];
await using server = new Server({
  program: "deno",
  args: [
    "run",
    "-A",
    `${ROOT}mod.ts`,
    ...options,
    "--log-level",
    "error",
    `${ROOT}bench/apps/one_slow.ts`,
  ],
  env: { SLOW_DIR: `${await Deno.makeTempDir()}/slow`, SLOW_MS: "20" },
});
await server.ready(url, { ...CASES[0]!, begin: "" });

const atBest = async () => (await runWrk({ url, seconds, connections: CLIENTS })).requestsPerSecond;
const best = await atBest();
const before = memory(server);
const samples: number[] = [];
const sampling = setInterval(() => samples.push(memory(server)), 500);
const answers = await arrive(port, TIMES * best, { seconds, warmUpSeconds: WARM_UP_SECONDS });
clearInterval(sampling);

// Others may have been busy with the machine: what it can do is the better of two trials.
const after = await atBest();

const served = answers.filter(({ status }) => status === 200);
const refused = answers.filter(({ status }) => status === 503);
const advised = refused.filter(({ text }) => /^retry-after: /im.test(text));
const share = (served.length / seconds / Math.max(best, after) * 100).toFixed(0);
console.log(`At its best ${best.toFixed(0)} requests/s before, ${after.toFixed(0)} afterwards`);
console.log(`${answers.length} came, ${(answers.length / seconds).toFixed(0)} a second`);
console.log(
  `${served.length} served: ${share} % of the best; p50 ${percentile(served, 0.5)} ms, ` +
    `p99 ${percentile(served, 0.99)} ms`,
);
console.log(
  `${refused.length} refused with 503, ${advised.length} of them with Retry-After; ` +
    `p50 ${percentile(refused, 0.5)} ms, p99 ${percentile(refused, 0.99)} ms`,
);
console.log(`${answers.length - served.length - refused.length} had no answer`);
const quarters = [0, 1, 2, 3].map((quarter) => {
  const [from, to] = [quarter, quarter + 1].map((it) => Math.round(it * samples.length / 4));
  return Math.max(...samples.slice(from, to));
});
console.log(`Memory before ${before} MiB; largest in each quarter ${quarters.join(", ")} MiB`);
