/** Runs TypeScript in a Deno process of its own, for what one process cannot show about itself. */

/** A Deno process that runs `code`, with its output to read. */
export function spawnDeno(
  code: string,
  options: { env?: Record<string, string>; flags?: string[] } = {},
): Deno.ChildProcess {
  // On the command line rather than on stdin: nothing needs to be written, so nothing can race.
  return new Deno.Command(Deno.execPath(), {
    args: ["eval", "--no-lock", "--no-config", "--unstable-net", ...options.flags ?? [], code],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    // In colour, as many a CI has it, its output would be another one.
    env: { FORCE_COLOR: "", ...options.env },
  }).spawn();
}

/** Runs `code` to its end. `deno eval` has all permissions. */
export async function runDeno(code: string): Promise<{ code: number; out: string }> {
  const { code: exit, stdout, stderr } = await spawnDeno(code).output();
  const text = new TextDecoder();
  return { code: exit, out: text.decode(stdout) + text.decode(stderr) };
}

/** The lines a process prints, one by one, and its errors if it ends before them. */
export class Lines {
  readonly #lines: ReadableStreamDefaultReader<string>;
  #rest = "";

  constructor(stream: ReadableStream<Uint8Array<ArrayBuffer>>) {
    this.#lines = stream.pipeThrough(new TextDecoderStream()).getReader();
  }

  /** The next line, or null at the end. */
  async next(): Promise<string | null> {
    while (!this.#rest.includes("\n")) {
      const { value, done } = await this.#lines.read();
      if (done) return null;
      this.#rest += value;
    }
    const end = this.#rest.indexOf("\n");
    const line = this.#rest.slice(0, end);
    this.#rest = this.#rest.slice(end + 1);
    return line;
  }

  async cancel(): Promise<void> {
    await this.#lines.cancel();
  }
}
