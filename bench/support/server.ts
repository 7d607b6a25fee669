/** A server under measurement: started by its command, asked whether it serves, ended with its tree. */

import { type Case, probeBody } from "../table/cases.ts";
import { treePids } from "./cpu.ts";
import type { Command } from "../table/peers.ts";

const START_TIMEOUT_MS = 20_000;
const STOP_TIMEOUT_MS = 5_000;
const POLL_MS = 5;

const ROOT = new URL("../../", import.meta.url);

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
    let last = "no answer";
    for (; performance.now() < deadline; await pause(POLL_MS)) {
      if (this.#ended) throw new Error(`It ended with exit code ${this.#ended.code}`);
      const answer = await ask(url, probeBody(what));
      if (answer?.status === what.status && answer.body.startsWith(what.begin)) return;
      if (answer) last = `status ${answer.status}, ${JSON.stringify(answer.body.slice(0, 80))}`;
    }
    throw new Error(`Not the right answer within ${START_TIMEOUT_MS / 1000} s: ${last}`);
  }

  /** TERM, then KILL for what is left after a while. Resolves with the exit code. */
  async stop(): Promise<number> {
    if (this.#ended) return this.#ended.code;
    const tree = treePids(this.pid);
    this.#child.kill("SIGTERM");
    const timer = setTimeout(() => tree.forEach(kill), STOP_TIMEOUT_MS);
    const { code } = await this.#child.status;
    clearTimeout(timer);
    return code;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
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
    const response = await fetch(url, {
      ...init,
      client,
      redirect: "manual",
      headers: { connection: "close" },
    });
    return { status: response.status, body: await response.text() };
  } catch {
    return null; // nobody listens yet
  }
}
