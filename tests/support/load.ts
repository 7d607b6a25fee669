/**
 * Clients that ask as fast as they are answered and count what fails. Over plain sockets: an HTTP
 * client that retries would hide what is looked for here.
 */

import { connect, local } from "./http.ts";
import { ResponseReader } from "./response_reader.ts";

export type Kind = "fresh" | "kept" | "post";

export interface LoadOptions {
  readonly port: number;
  /** How many clients of each kind. */
  readonly clients: Partial<Record<Kind, number>>;
  /**
   * What the body of the answer to `GET /n` has to be; another one is a failure. Every request has a
   * number of its own, so that an answer that reached the wrong client shows.
   */
  readonly expect?: (n: number) => string;
}

/** One request that was not answered as it should be. */
export interface LoadFailure {
  readonly kind: Kind;
  readonly what: string;
  /** When, as performance.now() has it. */
  readonly at: number;
}

export interface LoadResult {
  readonly requests: number;
  /** By who answered: the body's text, as far as the app tells it. */
  readonly answers: ReadonlyMap<string, number>;
  readonly failures: readonly LoadFailure[];
  readonly seconds: number;
}

const POST_BYTES = 16 * 1024;
const BODY = new Uint8Array(POST_BYTES).fill(120);
const encoder = new TextEncoder();
export class Load {
  readonly #options: LoadOptions;
  readonly #running: Promise<void>[] = [];
  readonly #failures: LoadFailure[] = [];
  readonly #started = performance.now();
  readonly #answers = new Map<string, number>();
  #requests = 0;
  #asked = 0;
  #stopped = false;

  constructor(options: LoadOptions) {
    this.#options = options;
    const { fresh = 0, kept = 0, post = 0 } = options.clients;
    for (let i = 0; i < fresh; i++) this.#running.push(this.#repeat("fresh", () => this.#fresh()));
    for (let i = 0; i < kept; i++) this.#running.push(this.#repeat("kept", () => this.#kept()));
    for (let i = 0; i < post; i++) this.#running.push(this.#repeat("post", () => this.#post()));
  }

  get requests(): number {
    return this.#requests;
  }

  get failures(): readonly LoadFailure[] {
    return this.#failures;
  }

  /** Lets every client finish what it has begun. */
  async stop(): Promise<LoadResult> {
    this.#stopped = true;
    await Promise.all(this.#running);
    const seconds = (performance.now() - this.#started) / 1000;
    const answers = this.#answers;
    return { requests: this.#requests, answers, failures: this.#failures, seconds };
  }

  #answered(n: number, body: string): void {
    const expected = this.#options.expect?.(n) ?? body;
    if (body !== expected) throw new Error(`answered ${body} instead of ${expected}`);
    this.#requests++;
    this.#answers.set(body, (this.#answers.get(body) ?? 0) + 1);
  }

  async #repeat(kind: Kind, ask: () => Promise<void>): Promise<void> {
    while (!this.#stopped) {
      try {
        await ask();
      } catch (error) {
        const what = error instanceof Error ? error.message : String(error);
        this.#failures.push({ kind, what, at: performance.now() });
        // A server that is gone fails at once, and for ever.
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    }
  }

  async #fresh(): Promise<void> {
    const n = ++this.#asked;
    using conn = await this.#connect();
    await writeAll(conn, head(`GET /${n}`, "Connection: close\r\n"));
    this.#answered(n, (await new ResponseReader(conn).response()).body);
  }

  async #post(): Promise<void> {
    const n = ++this.#asked;
    using conn = await this.#connect();
    // The body in two parts, so that the request is under way for a moment.
    const fields = `Connection: close\r\nContent-Length: ${POST_BYTES}\r\n`;
    await writeAll(conn, head(`POST /${n}`, fields));
    await writeAll(conn, BODY.subarray(0, POST_BYTES / 2));
    await writeAll(conn, BODY.subarray(POST_BYTES / 2));
    this.#answered(n, (await new ResponseReader(conn).response()).body);
  }

  /** Asks over one connection until the server says that it will close it. */
  async #kept(): Promise<void> {
    using conn = await this.#connect();
    const reader = new ResponseReader(conn);
    for (let closes = false; !closes && !this.#stopped;) {
      const n = ++this.#asked;
      await writeAll(conn, head(`GET /${n}`, ""));
      const response = await reader.response();
      closes = response.closes;
      this.#answered(n, response.body);
    }
  }

  #connect(): Promise<Deno.Conn> {
    return connect(local(this.#options.port));
  }
}

function head(line: string, fields: string): Uint8Array<ArrayBuffer> {
  return encoder.encode(`${line} HTTP/1.1\r\nHost: test\r\n${fields}\r\n`);
}

async function writeAll(conn: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await conn.write(bytes.subarray(at));
}
