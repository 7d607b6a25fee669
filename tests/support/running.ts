/** The real program, started by a test: what it prints, its processes, its address, its end. */

import { look, MARK, marked, type Process } from "./processes.ts";
import { MOD } from "./program.ts";
import { soon, until } from "./wait.ts";

export interface StartOptions {
  /** Everything behind `mod.ts`. */
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd: string;
  readonly mark: string;
  /** As the leader of a process group of its own, as a shell starts it. */
  readonly group?: boolean;
  /** A program that starts Deno, with its arguments. */
  readonly prefix?: readonly string[];
  /** Further flags of Deno. */
  readonly denoFlags?: readonly string[];
}

export class Running {
  readonly pid: number;
  readonly status: Promise<Deno.CommandStatus>;
  readonly #child: Deno.ChildProcess;
  /** What all of its processes carry in their environment. */
  readonly mark: string;
  readonly #read: Promise<void>;
  /** Nobody can say anything any more: neither it nor a successor that has its output. */
  #isSilent = false;
  /** Standard output and standard error, as they came. */
  output = "";
  /** Standard output alone. */
  stdout = "";
  /** null while it runs. */
  ended: Deno.CommandStatus | null = null;

  constructor(options: StartOptions) {
    this.mark = options.mark;
    const { prefix = [], denoFlags = [] } = options;
    const [command = "", ...args] = [...prefix, Deno.execPath(), "run", "-A", ...denoFlags, MOD];
    this.#child = new Deno.Command(command, {
      args: [...args, ...options.args],
      cwd: options.cwd,
      env: { ...options.env, [MARK]: options.mark },
      detached: options.group ?? false,
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.pid = this.#child.pid;
    this.status = this.#child.status.then((status) => this.ended = status);
    this.#read = Promise.all([
      this.#collect(this.#child.stdout, true),
      this.#collect(this.#child.stderr, false),
    ]).then(() => void (this.#isSilent = true));
  }

  /** `http://127.0.0.1:PORT`, as it was announced. */
  get url(): string {
    const found = /Listening at (http\S*?)\/?(?:\s|$)/.exec(this.output)?.[1];
    if (found === undefined) throw new Error("It has not said where it listens");
    return found;
  }

  get port(): number {
    return Number(new URL(this.url).port);
  }

  /** Resolves when the output has `pattern`, `times` times in all. Fails when nobody is left to say it. */
  async says(pattern: RegExp, times = 1): Promise<void> {
    const all = new RegExp(pattern, "g");
    const hasSaid = () => {
      const isSilent = this.#isSilent;
      if ([...this.output.matchAll(all)].length >= times) return true;
      if (isSilent) throw new Error(`It ended before it said ${pattern}`);
      return false;
    };
    try {
      await until(`the program says ${pattern}, ${times} times`, hasSaid);
    } catch (error) {
      const heirs = this.ended === null ? [] : this.everyProcess().map(({ pid }) => pid);
      if (heirs.length === 0) throw error;
      const who = `It has ended, and its successors (pids ${heirs.join(", ")}) have not said it`;
      throw new Error(`${(error as Error).message}. ${who}`);
    }
  }

  /** Resolves when so many procs have become ready since the start. */
  async ready(procs: number): Promise<void> {
    await this.says(/Proc \d+, pid \d+, is ready/, procs);
  }

  /** Its procs that live now, oldest first. */
  procs(): Process[] {
    return marked(this.mark)
      .filter(({ ppid, command }) => ppid === this.pid && command.includes(": proc "))
      .sort((a, b) => a.pid - b.pid);
  }

  /** Every process that lives of what was started here. */
  everyProcess(): Process[] {
    return marked(this.mark);
  }

  signal(signal: Deno.Signal): void {
    this.#child.kill(signal);
  }

  /** As Ctrl-C does it: to each process of the group. */
  async signalGroup(signal: "INT" | "TERM" | "HUP"): Promise<void> {
    const args = [`-${signal}`, "--", `-${this.pid}`];
    await new Deno.Command("/bin/kill", { args }).output();
  }

  /** One request over a connection of its own. */
  async fetch(path = "/", init: RequestInit = {}): Promise<Response> {
    return await fetchOnce(this.url + path, init);
  }

  /** The text of a GET that has to succeed. */
  async get(path = "/"): Promise<string> {
    const response = await this.fetch(path);
    const text = await response.text();
    if (!response.ok) throw new Error(`GET ${path}: ${response.status} ${text}`);
    return text;
  }

  /** Waits for the end and for the last output. */
  async end(): Promise<Deno.CommandStatus> {
    const status = await soon("the program ends", this.status);
    await soon("its output ends", this.#read);
    return status;
  }

  /** Ends it as asked, and checks that nothing stays behind. */
  async stop(signal: Deno.Signal = "SIGTERM"): Promise<void> {
    if (this.ended === null) this.signal(signal);
    const { code, signal: killer } = await this.end();
    if (code !== 0 || killer !== null) {
      throw new Error(`It ended with code ${code}, signal ${killer}, instead of 0`);
    }
    await this.leavesNothing();
  }

  /** Fails where a process of it lives on, or its port still takes connections. */
  async leavesNothing(): Promise<void> {
    await until("no process is left", () => this.everyProcess().length === 0);
    if (!/Listening at http/.test(this.output)) return;
    const { hostname, port } = new URL(this.url);
    // Another program may have been given it meanwhile, for a connection of its own.
    await until(`its port ${port} is free`, () => isFree(hostname, Number(port)));
  }

  /** Ends what is left of it, for a test that failed. */
  async destroy(): Promise<void> {
    for (const { pid } of this.everyProcess()) kill(pid);
    if (this.ended === null && look(this.pid) !== null) kill(this.pid);
    await this.end().catch(() => {});
  }

  async #collect(stream: ReadableStream<Uint8Array>, isStdout: boolean): Promise<void> {
    for await (const text of stream.pipeThrough(new TextDecoderStream())) {
      this.output += text;
      if (isStdout) this.stdout += text;
    }
  }
}

function isFree(hostname: string, port: number): boolean {
  try {
    Deno.listen({ hostname, port }).close();
    return true;
  } catch {
    return false;
  }
}

/** A request over a connection that nobody else uses, and that is closed afterwards. */
export async function fetchOnce(url: string, init: RequestInit = {}): Promise<Response> {
  using client = Deno.createHttpClient({ poolMaxIdlePerHost: 0 });
  return await fetch(url, { ...init, client });
}

function kill(pid: number): void {
  try {
    Deno.kill(pid, "SIGKILL");
  } catch {
    // Gone meanwhile.
  }
}
