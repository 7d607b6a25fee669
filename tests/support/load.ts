/** Clients that keep a server busy, each request over a connection of its own, and count what is lost. */

import { connect, local, readAll } from "./http.ts";

export interface LoadResult {
  /** Answered in full, by who answered: the body's text. */
  readonly answers: ReadonlyMap<string, number>;
  /** What went wrong, with how often. */
  readonly failures: ReadonlyMap<string, number>;
}

export interface LoadOptions {
  readonly port: number;
  readonly clients: number;
  /** Bytes to POST; 0 for a GET. */
  readonly upload: number;
}

/** A load that runs from its making until it is stopped. */
export class Load {
  readonly #options: LoadOptions;
  readonly #answers = new Map<string, number>();
  readonly #failures = new Map<string, number>();
  readonly #request: Uint8Array<ArrayBuffer>;
  readonly #clients: Promise<void>[];
  #stopped = false;

  constructor(options: LoadOptions) {
    this.#options = options;
    const { upload } = options;
    const head = `${upload > 0 ? "POST" : "GET"} / HTTP/1.1\r\nHost: test\r\n` +
      `Connection: close\r\n${upload > 0 ? `Content-Length: ${upload}\r\n` : ""}\r\n`;
    this.#request = new TextEncoder().encode(head + "x".repeat(upload));
    this.#clients = Array.from({ length: options.clients }, () => this.#run());
  }

  /** How many requests were answered so far. */
  get answered(): number {
    return [...this.#answers.values()].reduce((sum, count) => sum + count, 0);
  }

  async stop(): Promise<LoadResult> {
    this.#stopped = true;
    await Promise.all(this.#clients);
    return { answers: this.#answers, failures: this.#failures };
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      try {
        count(this.#answers, await this.#ask());
      } catch (error) {
        count(this.#failures, error instanceof Error ? `${error.name}: ${error.message}` : "?");
      }
    }
  }

  async #ask(): Promise<string> {
    using conn = await connect(local(this.#options.port));
    for (let rest = this.#request; rest.length > 0;) rest = rest.subarray(await conn.write(rest));
    const answer = await readAll(conn);
    const [head = "", body = ""] = answer.split("\r\n\r\n");
    const length = Number(/^content-length: (\d+)$/im.exec(head)?.[1] ?? NaN);
    if (!head.startsWith("HTTP/1.1 200 ")) throw new Error(`answered ${head.slice(0, 40)}`);
    if (body.length !== length) throw new Error(`${body.length} bytes instead of ${length}`);
    return body;
  }
}

function count(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
