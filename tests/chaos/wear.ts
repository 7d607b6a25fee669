/**
 * Does the manager stay as it is, however many procs come and go? Recycles procs and reloads under
 * load, and shows the manager's footprint: `deno run -A tests/chaos/wear.ts [--recycled 1000]
 * [--reloads 100]`.
 */

import { Load } from "../support/load.ts";
import { HELLO, Scene } from "../support/scene.ts";
import { until } from "../support/wait.ts";
import { type Footprint, footprintOf } from "./server.ts";

const CLIENTS = { fresh: 2, kept: 2, post: 2 };
const WORKERS = 2;

function argument(name: string, otherwise: number): number {
  const at = Deno.args.indexOf(name);
  return at < 0 ? otherwise : Number(Deno.args[at + 1]);
}

function show(what: string, { descriptors, threads, rss, cpu }: Footprint): void {
  console.log(
    `${what}: ${descriptors} descriptors, ${threads} threads, ${rss} MiB resident, ${cpu} s of CPU`,
  );
}

if (import.meta.main) {
  const scene = new Scene();
  const server = await scene.start({
    app: HELLO,
    workers: WORKERS,
    args: ["--max-requests", "300"],
  });
  const load = new Load({ port: server.port, clients: CLIENTS });
  const count = (pattern: RegExp) => [...server.output.matchAll(pattern)].length;

  const recycled = argument("--recycled", 1_000);
  for (let done = 0; done <= recycled; done += recycled / 10) {
    await until(`${done} recycled`, () => count(/has taken its place/g) >= done, 3_600_000);
    show(`${done} recycled`, footprintOf(server.pid));
  }

  const reloads = argument("--reloads", 100);
  for (let done = 0; done <= reloads; done++) {
    if (done % (reloads / 5) === 0) show(`${done} reloads`, footprintOf(server.pid));
    server.signal("SIGHUP");
    await until("the canary is ready", () => count(/first proc is ready/g) > done);
    await until("all are replaced", () => server.procs().length <= WORKERS + 1);
  }

  const { requests, failures } = await load.stop();
  console.log(`${requests} requests, ${failures.length} failed`);
  for (const failure of failures.slice(0, 10)) console.log(JSON.stringify(failure));
  await scene.close();
}
