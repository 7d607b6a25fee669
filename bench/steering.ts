/**
 * New connections among three procs, one of them slow: `deno run -A bench/steering.ts [SECONDS]`
 *
 * The slow one takes 4 ms of CPU for a request, so that it can serve 250 a second. Connections come at
 * a constant rate, whether earlier ones are answered or not, as from many clients; the first three
 * seconds are not counted. With `steering: reload` the kernel's hash alone spreads them, with `load`
 * the manager does.
 */

import { CASES } from "./cases.ts";
import { markdownTable } from "./report.ts";
import { freePort, Server } from "./server.ts";

const RATES = [150, 300, 600, 900];
const WARM_UP_SECONDS = 3;
/** How often connections are started that are due, milliseconds. */
const TICK_MS = 1;
const ROOT = new URL("../", import.meta.url).pathname;
const REQUEST = new TextEncoder().encode("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");

interface Answer {
  readonly milliseconds: number;
  /** Null where there was none. */
  readonly by: string | null;
}

async function ask(port: number): Promise<Answer> {
  const begin = performance.now();
  let text = "";
  try {
    using connection = await Deno.connect({ hostname: "127.0.0.1", port });
    await connection.write(REQUEST);
    const buffer = new Uint8Array(4_096);
    for (let n = await connection.read(buffer); n !== null; n = await connection.read(buffer)) {
      text += new TextDecoder().decode(buffer.subarray(0, n));
    }
  } catch {
    // Counted as no answer.
  }
  const by = text.startsWith("HTTP/1.1 200 ") ? text.split("\r\n\r\n")[1] ?? "" : null;
  return { milliseconds: performance.now() - begin, by };
}

/** Starts connections at `rate` a second for so long; gives the answers to those after the warm-up. */
async function arrive(port: number, rate: number, seconds: number): Promise<Answer[]> {
  const begin = performance.now();
  const asked: { at: number; answer: Promise<Answer> }[] = [];
  for (let at = 0; at < seconds + WARM_UP_SECONDS; at = (performance.now() - begin) / 1_000) {
    while (asked.length < at * rate) asked.push({ at, answer: ask(port) });
    await new Promise((resolve) => setTimeout(resolve, TICK_MS));
  }
  const all = await Promise.all(asked.map(({ answer }) => answer));
  return all.filter((_, i) => asked[i]!.at >= WARM_UP_SECONDS);
}

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
  const answers = await arrive(port, rate, seconds);
  const answered = answers.filter(({ by }) => by !== null);
  const slow = answered.filter(({ by }) => by === "slow").length / answered.length;
  const times = answered.map(({ milliseconds }) => milliseconds).sort((a, b) => a - b);
  const at = (share: number) => times[Math.floor(share * times.length)]?.toFixed(1) ?? "-";
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
