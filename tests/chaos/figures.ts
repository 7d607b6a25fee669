/**
 * The figures of docs/reliability.md: `deno run -A tests/chaos/figures.ts [NAME]…`. Each runs the
 * real program under load and prints what was lost; the tests of the same promises are shorter.
 */

import { STABLE_MS } from "../../src/manager/table/respawn.ts";
import { connect, local } from "../support/http.ts";
import { Load, type LoadFailure } from "../support/load.ts";
import { Scene } from "../support/scene.ts";
import { until } from "../support/wait.ts";
import { exists } from "../support/files.ts";

const RELOADS = 20;
const KILLS = 6;
const KILL_CLIENTS = 12;
const ROTATIONS = 100;
const DESCRIPTORS = 256;
const CONNECTIONS = 1_000;
const MIXED_REQUESTS = 100_000;

/** Answers with the path, when the body has been read. */
const ECHO = `export default {
  async fetch(request) {
    await request.arrayBuffer();
    return new Response(new URL(request.url).pathname);
  },
};
`;

/** One request in a hundred is answered after its timeout, which is a second. */
const LATE = `export default {
  async fetch(request) {
    const { pathname } = new URL(request.url);
    if (pathname.endsWith("7") && Math.random() < 0.1) {
      await new Promise((resolve) => setTimeout(resolve, 1_000 + Math.random() * 1_000));
    }
    return new Response(pathname);
  },
};
`;

const path = (n: number) => `/${n}`;
const per = (count: number, seconds: number) => `${Math.round(count / seconds)} a second`;

function tell(failures: readonly LoadFailure[]): void {
  for (const { kind, what } of failures.slice(0, 3)) console.log(`  e.g. ${kind}: ${what}`);
}

async function reloads(scene: Scene): Promise<void> {
  for (
    const [what, clients] of [
      ["fresh connections", { fresh: 16 }],
      ["kept connections", { kept: 16 }],
      ["uploads of 16 KiB over fresh connections", { post: 16 }],
    ] as const
  ) {
    const server = await scene.start({ app: ECHO });
    const load = new Load({ port: server.port, clients, expect: path });
    for (let reload = 1; reload <= RELOADS; reload++) {
      server.signal("SIGHUP");
      await server.ready(2 + 2 * reload);
    }
    const { requests, failures, seconds } = await load.stop();
    console.log(
      `${RELOADS} reloads, ${what}: ${requests} requests, ${per(requests, seconds)}; ` +
        `${failures.length} failed`,
    );
    tell(failures);
    await server.stop();
  }
}

/** kill -9 of the proc that has served longest, each time long enough for it to count as sound. */
async function kills(scene: Scene): Promise<void> {
  const server = await scene.start({ app: ECHO, args: ["--crash-limit", "0"] });
  const clients = { fresh: KILL_CLIENTS / 3, kept: KILL_CLIENTS / 3, post: KILL_CLIENTS / 3 };
  const load = new Load({ port: server.port, clients, expect: path });
  const lost: number[] = [];
  const times: number[] = [];
  for (let kill = 1; kill <= KILLS; kill++) {
    const before = load.failures.length;
    await new Promise((resolve) => setTimeout(resolve, STABLE_MS));
    const begin = performance.now();
    Deno.kill(server.procs()[0]!.pid, "SIGKILL");
    await server.ready(2 + kill);
    times.push(performance.now() - begin);
    lost.push(load.failures.length - before);
  }
  const { requests, seconds } = await load.stop();
  times.sort((a, b) => a - b);
  console.log(
    `${KILLS} procs killed under ${KILL_CLIENTS} clients, ${per(requests, seconds)}: at most ` +
      `${Math.max(...lost)} requests lost with one, ${lost.reduce((a, b) => a + b)} of ` +
      `${requests} in all; replaced within ${Math.round(times[KILLS >> 1]!)} ms (median), ` +
      `${Math.round(times.at(-1)!)} ms at most`,
  );
  await server.stop();
}

/** All descriptors used up by connections that say nothing, then let go. */
async function descriptors(scene: Scene): Promise<void> {
  const prefix = ["prlimit", `--nofile=${DESCRIPTORS}`];
  const server = await scene.start({ app: ECHO, workers: 1, prefix });
  using kept = await connect(local(server.port));
  const answers = async () => {
    await kept.write(new TextEncoder().encode("GET /kept HTTP/1.1\r\nHost: a\r\n\r\n"));
    const size = await kept.read(new Uint8Array(1_024)) ?? 0;
    return size > 0;
  };
  await answers();
  const idle = await Promise.all(
    Array.from({ length: CONNECTIONS }, () => connect(local(server.port))),
  );
  await server.says(/Cannot accept connections for now/);
  console.log(
    `${CONNECTIONS} connections, ${DESCRIPTORS} descriptors: a connection from before is ` +
      (await answers() ? "answered meanwhile" : "not answered"),
  );
  const begin = performance.now();
  for (const connection of idle) connection.close();
  await server.get("/again");
  console.log(`A new one is answered ${Math.round(performance.now() - begin)} ms after the end`);
  await server.stop();
}

/** Late answers must reach nobody: each request has a number, and its answer tells it. */
async function crossed(scene: Scene): Promise<void> {
  const server = await scene.start({ app: LATE, args: ["--timeout", "1", "-t", "2"] });
  const clients = { fresh: 40, kept: 160 };
  const load = new Load({ port: server.port, clients, expect: path });
  await until(
    "all are answered",
    () => load.requests + load.failures.length >= MIXED_REQUESTS,
    300_000,
  );
  const { requests, failures } = await load.stop();
  const late = failures.filter(({ what }) => what === "status 504");
  const wrong = failures.filter(({ what }) => /^answered \//.test(what));
  console.log(
    `${requests + failures.length} requests, ${late.length} of them timed out: ${wrong.length} ` +
      `answers crossed, ${failures.length - late.length - wrong.length} other failures`,
  );
  tell(failures.filter((failure) => !late.includes(failure)));
  await server.stop();
}

/** logrotate's way: rename, USR1, and every line is in one of the files. */
async function rotations(scene: Scene): Promise<void> {
  const log = `${scene.directory}/access.log`;
  const server = await scene.start({ app: ECHO, args: ["--access-log", log] });
  const load = new Load({ port: server.port, clients: { fresh: 4, kept: 4 }, expect: path });
  for (let rotation = 1; rotation <= ROTATIONS; rotation++) {
    const served = load.requests;
    await until("something is logged", () => load.requests > served + 50);
    Deno.renameSync(log, `${log}.${rotation}`);
    server.signal("SIGUSR1");
    await until("the log is there again", () => exists(log));
  }
  const { requests, failures } = await load.stop();
  await server.stop();
  const files = [log, ...Array.from({ length: ROTATIONS }, (_, i) => `${log}.${i + 1}`)];
  const lines = files.reduce((sum, file) => sum + linesOf(file), 0);
  console.log(
    `${ROTATIONS} rotations, ${requests} requests: ${lines} lines, ${requests - lines} lost; ` +
      `${failures.length} requests failed`,
  );
}

function linesOf(file: string): number {
  return Deno.readTextFileSync(file).split("\n").filter((line) => line !== "").length;
}

const FIGURES: Readonly<Record<string, (scene: Scene) => Promise<void>>> = {
  reloads,
  kills,
  descriptors,
  crossed,
  rotations,
};

if (import.meta.main) {
  for (const name of Deno.args.length > 0 ? Deno.args : Object.keys(FIGURES)) {
    const figure = FIGURES[name];
    if (figure === undefined) {
      throw new Error(`No figure is called ${name}: ${Object.keys(FIGURES)}`);
    }
    const scene = new Scene();
    try {
      await figure(scene);
      await scene.close();
    } catch (error) {
      await scene.fail();
      throw error;
    }
  }
}
