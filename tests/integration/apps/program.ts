/** The real program with an app, on a port of its own. */

const MOD = new URL("../../../mod.ts", import.meta.url).pathname;
const APPS = new URL("../../apps/", import.meta.url);

export function unusedPort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return (listener.addr as Deno.NetAddr).port;
}

export class Program implements AsyncDisposable {
  readonly port: number;
  readonly #child: Deno.ChildProcess;
  readonly #log: string[] = [];
  readonly #drained: Promise<unknown>;
  #waiting: (() => void)[] = [];
  #ended = false;

  private constructor(port: number, child: Deno.ChildProcess) {
    this.port = port;
    this.#child = child;
    this.#drained = Promise.all([this.#collect(child.stdout), this.#collect(child.stderr)]);
    child.status.then(() => {
      this.#ended = true;
      this.#wake();
    });
  }

  /** Starts `app`, relative to tests/apps, and waits until it answers. */
  static async start(app: string, ...args: string[]): Promise<Program> {
    const port = unusedPort();
    const child = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", MOD, "-b", `127.0.0.1:${port}`, ...args, new URL(app, APPS).pathname],
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const program = new Program(port, child);
    while (!await program.#answers()) {
      if (program.#ended) {
        await program.#drained;
        throw new Error(`the program ended:\n${program.log}`);
      }
    }
    return program;
  }

  get log(): string {
    return this.#log.join("\n");
  }

  url(path: string, scheme = "http"): string {
    return `${scheme}://127.0.0.1:${this.port}${path}`;
  }

  /** Waits for a line of the program's log. */
  async logs(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const match = pattern.exec(this.log);
      if (match !== null) return match;
      if (this.#ended) throw new Error(`the program ended without ${pattern}:\n${this.log}`);
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  signal(signal: Deno.Signal): void {
    this.#child.kill(signal);
  }

  /** Its exit code, when it has ended. */
  async ended(): Promise<number> {
    const { code } = await this.#child.status;
    await this.#drained;
    return code;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#ended) this.signal("SIGQUIT");
    await this.ended();
  }

  /**
   * Whether somebody takes a connection, who closes one that ends without a request. That it is there does
   * not tell: while the manager claims the address it listens for a moment, and resets who has come.
   */
  async #answers(): Promise<boolean> {
    try {
      using connection = await Deno.connect({ hostname: "127.0.0.1", port: this.port });
      await connection.closeWrite();
      return await connection.read(new Uint8Array(1)) === null;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 20));
      return false;
    }
  }

  async #collect(stream: ReadableStream<Uint8Array>): Promise<void> {
    let rest = "";
    for await (const text of stream.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + text).split("\n");
      rest = lines.pop()!;
      this.#log.push(...lines);
      this.#wake();
    }
    if (rest !== "") this.#log.push(rest);
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }
}
