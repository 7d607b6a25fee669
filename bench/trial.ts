/** One trial: a server started, warmed up, measured under load, and stopped. */

import { type Case, probeBody } from "./cases.ts";
import { machineBusySeconds, treeCpuSeconds, treePids, treePss } from "./cpu.ts";
import { runWrk } from "./load.ts";
import { type Command, labelOf, type Peer } from "./peers.ts";

/** What one trial found. */
export interface Trial {
  readonly requestsPerSecond: number;
  /** CPU of the server's whole tree for each answer, microseconds. */
  readonly cpuMicros: number;
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
  /** Bytes, right after the load. */
  readonly pss: number;
  /** Answers that were no success, failed connects and time-outs. */
  readonly errors: number;
  /** Share of the machine's CPU that others took meanwhile, 0 to 1. */
  readonly foreign: number;
}

export interface TrialOptions {
  readonly seconds: number;
  readonly warmUpSeconds: number;
  readonly connections: number;
}

const START_TIMEOUT_MS = 20_000;
const STOP_TIMEOUT_MS = 5_000;
const POLL_MS = 20;

const ROOT = new URL("../", import.meta.url);

const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** A port that nobody holds now. Another may take it before the server does: then the start fails. */
export function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

/** A started server. Disposing ends it: TERM, then KILL for what is left of its tree, and no one else. */
export class Server implements AsyncDisposable {
  readonly pid: number;
  readonly #child: Deno.ChildProcess;
  #ended: Deno.CommandStatus | null = null;

  constructor({ program, args, env = {} }: Command) {
    this.#child = new Deno.Command(program === "deno" ? Deno.execPath() : program, {
      args: [...args],
      env,
      cwd: ROOT,
      stdin: "null",
      stdout: "null",
      stderr: Deno.env.has("BENCH_DEBUG") ? "inherit" : "null",
    }).spawn();
    this.pid = this.#child.pid;
    this.#child.status.then((status) => this.#ended = status);
  }

  /** Resolves when `url` gives the answer that `what` is due. */
  async ready(url: string, what: Case): Promise<void> {
    const deadline = performance.now() + START_TIMEOUT_MS;
    for (let last = "no answer"; performance.now() < deadline; await pause(POLL_MS)) {
      if (this.#ended) throw new Error(`It ended with exit code ${this.#ended.code}`);
      const answer = await ask(url, probeBody(what));
      if (answer?.status === what.status && answer.body.startsWith(what.begin)) return;
      if (answer) last = `${answer.status} ${answer.body.slice(0, 80)}`;
      if (answer && performance.now() > deadline - POLL_MS * 2) throw new Error(`Answers ${last}`);
    }
    throw new Error(`No answer within ${START_TIMEOUT_MS / 1000} s`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const tree = this.#ended ? [] : treePids(this.pid);
    if (!this.#ended) this.#child.kill("SIGTERM");
    const timer = setTimeout(() => tree.forEach(kill), STOP_TIMEOUT_MS);
    await this.#child.status;
    clearTimeout(timer);
  }
}

function kill(pid: number): void {
  try {
    Deno.kill(pid, "SIGKILL");
  } catch {
    // Ended meanwhile.
  }
}

/** Asks once over a connection of its own: one kept alive would hold a worker of some servers. */
export async function ask(
  url: string,
  body: string | null,
): Promise<{ status: number; body: string } | null> {
  using client = Deno.createHttpClient({ poolMaxIdlePerHost: 0 });
  try {
    const init = body === null ? {} : { method: "POST", body };
    const response = await fetch(url, { ...init, client, headers: { connection: "close" } });
    return { status: response.status, body: await response.text() };
  } catch {
    return null; // nobody listens yet
  }
}

/** Runs one trial of `what` on `peer`. Throws where the server does not start or does not answer. */
export async function runTrial(peer: Peer, what: Case, options: TrialOptions): Promise<Trial> {
  const port = freePort();
  const url = `http://127.0.0.1:${port}${what.path}`;
  const { seconds, warmUpSeconds, connections } = options;
  const load = { url, connections, script: what.script };
  await using server = new Server(peer.command(what, port));
  await server.ready(url, what);
  await runWrk({ ...load, seconds: warmUpSeconds });

  const before = { tree: treeCpuSeconds(server.pid), ours: treeCpuSeconds(Deno.pid) };
  const busyBefore = machineBusySeconds();
  const report = await runWrk({ ...load, seconds });
  const busy = machineBusySeconds() - busyBefore;
  const cpu = treeCpuSeconds(server.pid) - before.tree;
  // The benchmark's own tree holds the server, wrk and itself; what else was busy is foreign.
  const ours = treeCpuSeconds(Deno.pid) - before.ours;

  if (report.requests === 0) throw new Error(`${labelOf(peer)} answered nothing under load`);
  return {
    requestsPerSecond: report.requestsPerSecond,
    cpuMicros: cpu * 1e6 / report.requests,
    p50: report.p50,
    p99: report.p99,
    pss: treePss(server.pid),
    errors: report.badStatus + report.connectErrors + report.timeouts,
    foreign: Math.max(0, busy - ours) / (report.seconds * navigator.hardwareConcurrency),
  };
}
