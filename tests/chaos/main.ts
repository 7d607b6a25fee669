/**
 * Everything that can go wrong, at random, under load: `deno task chaos --minutes 10 [--seed N]`.
 *
 * Procs are killed, stopped and made to spin; the manager is told to reload, to have one proc more or
 * less, to open its logs anew, to make room for another manager; slow and malformed clients come
 * between. Meanwhile other clients ask as fast as they are answered, each request with a number of
 * its own. No request may be lost, but for what a proc that was killed, stopped or hung had in
 * flight (one per client at most, soon after the deed), and no answer may reach the wrong client.
 */

import { Load, type LoadFailure } from "../support/load.ts";
import { Scene } from "../support/scene.ts";
import type { Process } from "../support/processes.ts";
import { until } from "../support/wait.ts";
import { Nuisances } from "./nuisances.ts";
import { Random } from "./random.ts";
import { ChaosServer, type Footprint } from "./server.ts";

const CLIENTS = { fresh: 6, kept: 6, post: 6 };
const CLIENT_COUNT = 18;
const WORKERS = 3;
const HEARTBEAT_TIMEOUT_S = 3;
const TIMEOUT_S = 3;
/** What a machine with too much to do may need on top, milliseconds. */
const SLACK_MS = 5_000;

const APP = `export default {
  async fetch(request) {
    const { pathname } = new URL(request.url);
    if (pathname === "/spin") for (;;);
    await request.arrayBuffer();
    if (Math.random() < 0.01) await new Promise((resolve) => setTimeout(resolve, 50));
    return new Response(pathname);
  },
};
`;

/** Something was done that may cost the requests that a proc has in flight. */
interface Deed {
  readonly what: string;
  readonly at: number;
  /** Until then requests may be lost for it. */
  readonly until: number;
}

class Chaos {
  readonly #server: ChaosServer;
  readonly #random: Random;
  readonly #port: number;
  readonly deeds: Deed[] = [];
  readonly counts = new Map<string, number>();
  /** How many procs are wanted. */
  #workers = WORKERS;

  constructor(server: ChaosServer, random: Random, port: number) {
    this.#server = server;
    this.#random = random;
    this.#port = port;
  }

  /** One thing at random. */
  async strike(): Promise<void> {
    const actions = {
      kill: () => this.#kill(),
      stop: () => this.#stop(),
      spin: () => this.#spin(),
      reload: () => this.#reload(),
      reloads: () => this.#reloads(),
      more: () => this.#resize(1),
      fewer: () => this.#resize(-1),
      logs: () => this.#server.signal("SIGUSR1"),
      manager: () => this.#replaceManager(),
      stray: () => this.#stray(),
    };
    const names = Object.keys(actions) as (keyof typeof actions)[];
    const name = this.#random.pick(names) ?? "logs";
    this.counts.set(name, (this.counts.get(name) ?? 0) + 1);
    await actions[name]();
  }

  /** Somebody serves: otherwise the next deed would prove nothing. */
  async recover(): Promise<void> {
    try {
      await until(
        "as many procs as are wanted",
        () => this.#server.procs().length >= this.#workers,
      );
    } catch (error) {
      console.error(`The last deeds: ${this.deeds.slice(-3).map(({ what }) => what).join(", ")}`);
      for (const process of this.#server.everyProcess()) console.error(show(process));
      throw error;
    }
  }

  #kill(): void {
    const victim = this.#random.pick(this.#server.procs());
    if (victim === undefined) return;
    this.#deed("kill", 0);
    Deno.kill(victim.pid, "SIGKILL");
  }

  /** Found by its silence. */
  #stop(): void {
    const victim = this.#random.pick(this.#server.procs());
    if (victim === undefined) return;
    this.#deed("stop", HEARTBEAT_TIMEOUT_S * 1000);
    Deno.kill(victim.pid, "SIGSTOP");
  }

  /** One thread of some proc never comes back: what it has begun is answered with 504. */
  async #spin(): Promise<void> {
    this.#deed("spin", 2 * TIMEOUT_S * 1000);
    await fetch(`http://127.0.0.1:${this.#port}/spin`).then((it) => it.body?.cancel(), () => {});
  }

  /**
   * It begins with the configured number again; or with the number that there was, where its first proc
   * is one that was just killed.
   */
  #reload(): void {
    this.#workers = Math.min(this.#workers, WORKERS);
    this.#server.signal("SIGHUP");
  }

  async #replaceManager(): Promise<void> {
    await this.#server.replaceManager();
    this.#workers = WORKERS;
  }

  async #reloads(): Promise<void> {
    for (let i = 0; i < 3; i++) {
      this.#reload();
      await new Promise((resolve) => setTimeout(resolve, this.#random.between(0, 300)));
    }
  }

  #resize(by: number): void {
    const workers = this.#workers + by;
    if (workers < 2 || workers > 5) return;
    this.#workers = workers;
    this.#server.signal(by > 0 ? "SIGTTIN" : "SIGTTOU");
  }

  /** A signal that a proc has to survive, or to leave well by. */
  #stray(): void {
    const proc = this.#random.pick(this.#server.procs());
    const signal = this.#random.pick(["SIGUSR1", "SIGHUP", "SIGTERM"] as const) ?? "SIGHUP";
    if (proc !== undefined) Deno.kill(proc.pid, signal);
  }

  #deed(what: string, lastsMs: number): void {
    const at = performance.now();
    this.deeds.push({ what, at, until: at + lastsMs + SLACK_MS });
  }
}

/** Failures that no deed explains: too late for any, or more than one per client and deed. */
function unexplained(failures: readonly LoadFailure[], deeds: readonly Deed[]): LoadFailure[] {
  const room = new Map(deeds.map((deed) => [deed, CLIENT_COUNT]));
  return failures.filter(({ at, what }) => {
    if (what.startsWith("answered ")) return true; // somebody else's answer: nothing explains that
    const deed = deeds.find((deed) =>
      deed.at <= at && at <= deed.until && (room.get(deed) ?? 0) > 0
    );
    if (deed !== undefined) room.set(deed, (room.get(deed) ?? 0) - 1);
    return deed === undefined;
  });
}

function readArguments(): { minutes: number; seed: number } {
  const value = (name: string) => {
    const at = Deno.args.indexOf(name);
    return at < 0 ? undefined : Number(Deno.args[at + 1]);
  };
  return { minutes: value("--minutes") ?? 1, seed: value("--seed") ?? Date.now() % 1_000_000 };
}

function showFootprint({ descriptors, threads, rss, cpu }: Footprint): string {
  return `${descriptors} descriptors, ${threads} threads, ${rss} MiB resident, ${cpu} s of CPU`;
}

async function main(scene: Scene): Promise<boolean> {
  const { minutes, seed } = readArguments();
  console.log(`Chaos for ${minutes} minutes, seed ${seed}`);
  const random = new Random(seed);
  const pidfile = `${scene.directory}/app.pid`;
  const port = freePort();
  const log = `${scene.directory}/access.log`;
  const running = await scene.start({
    app: APP,
    workers: WORKERS,
    args: [
      ...["-b", `127.0.0.1:${port}`, "-t", "2", "--pid", pidfile, "--access-log", log],
      ...["--heartbeat-timeout", String(HEARTBEAT_TIMEOUT_S), "--timeout", String(TIMEOUT_S)],
      ...["--crash-limit", "0", "--graceful-timeout", "10"],
    ],
  });
  const server = new ChaosServer(running, running.mark, pidfile);
  const load = new Load({ port, clients: CLIENTS, expect: (n) => `/${n}` });
  const nuisances = new Nuisances(port, random, 4);
  const chaos = new Chaos(server, random, port);
  const before = server.footprint();

  const end = performance.now() + minutes * 60_000;
  while (performance.now() < end) {
    await chaos.strike();
    await new Promise((resolve) => setTimeout(resolve, random.between(100, 2_000)));
    await chaos.recover();
  }

  const { requests, failures, seconds } = await load.stop();
  await nuisances.stop();
  const after = server.footprint();
  server.signal("SIGTERM");
  await until("no process is left", () => server.everyProcess().length === 0, 30_000);

  const lost = unexplained(failures, chaos.deeds);
  console.log(`${requests} requests in ${Math.round(seconds)} s, ${nuisances.count} nuisances`);
  console.log([...chaos.counts].map(([name, count]) => `${name} ${count}`).join(", "));
  console.log(`${failures.length} requests were lost with ${chaos.deeds.length} procs`);
  console.log(`${lost.length} were lost for no reason`);
  console.log(`Manager before: ${showFootprint(before)}\nManager after:  ${showFootprint(after)}`);
  for (const failure of lost.slice(0, 20)) console.log(JSON.stringify(failure));
  Deno.writeTextFileSync(`${scene.directory}/output`, running.output);
  if (lost.length > 0) console.log(`Kept: ${scene.directory}`);
  else Deno.removeSync(scene.directory, { recursive: true });
  return lost.length === 0;
}

/** What a process is doing, for whoever has to find out why it does not get on. */
function show({ pid, ppid, state, command }: Process): string {
  const threads = [...Deno.readDirSync(`/proc/${pid}/task`)].map(({ name }) => {
    const read = (file: string) =>
      Deno.readTextFileSync(`/proc/${pid}/task/${name}/${file}`).trim();
    return `  ${name} ${read("comm")}: ${read("wchan")}, system call ${read("syscall")}`;
  });
  const files = [...Deno.readDirSync(`/proc/${pid}/fd`)].map(({ name }) =>
    `  ${name} -> ${Deno.readLinkSync(`/proc/${pid}/fd/${name}`)}`
  );
  return [`${pid}, child of ${ppid}, ${state}: ${command}`, ...threads, ...files].join("\n");
}

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return (listener.addr as Deno.NetAddr).port;
}

if (import.meta.main) {
  const scene = new Scene();
  try {
    Deno.exit(await main(scene) ? 0 : 1);
  } catch (error) {
    await scene.fail();
    throw error;
  }
}
