/**
 * Clients that ask as fast as they are answered and count what fails. Over plain sockets: an HTTP
 * client that retries would hide what is looked for here.
 */

import { connect, local } from "./http.ts";

export type Kind = "fresh" | "kept" | "post";

export interface LoadOptions {
  readonly port: number;
  /** How many clients of each kind. */
  readonly clients: Partial<Record<Kind, number>>;
}

export interface LoadResult {
  readonly requests: number;
  /** By who answered: the body's text, as far as the app tells it. */
  readonly answers: ReadonlyMap<string, number>;
  /** What went wrong, each time it did. */
  readonly failures: readonly string[];
  readonly seconds: number;
}

const POST_BYTES = 16 * 1024;
const BODY = new Uint8Array(POST_BYTES).fill(120);
const encoder = new TextEncoder();
const decoder = new TextDecoder();
const GET_CLOSE = encoder.encode("GET / HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n");
const GET = encoder.encode("GET / HTTP/1.1\r\nHost: test\r\n\r\n");
const POST_HEAD = encoder.encode(
  `POST / HTTP/1.1\r\nHost: test\r\nConnection: close\r\nContent-Length: ${POST_BYTES}\r\n\r\n`,
);

export class Load {
  readonly #port: number;
  readonly #running: Promise<void>[] = [];
  readonly #failures: string[] = [];
  readonly #started = performance.now();
  readonly #answers = new Map<string, number>();
  #requests = 0;
  #stopped = false;

  constructor({ port, clients }: LoadOptions) {
    this.#port = port;
    const kinds = {
      fresh: () => this.#fresh(),
      kept: () => this.#kept(),
      post: () => this.#post(),
    };
    for (const [kind, ask] of Object.entries(kinds)) {
      for (let i = 0; i < (clients[kind as Kind] ?? 0); i++) {
        this.#running.push(this.#repeat(kind, ask));
      }
    }
  }

  get requests(): number {
    return this.#requests;
  }

  get failures(): readonly string[] {
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

  #answered(body: string): void {
    this.#requests++;
    this.#answers.set(body, (this.#answers.get(body) ?? 0) + 1);
  }

  async #repeat(kind: string, ask: () => Promise<void>): Promise<void> {
    while (!this.#stopped) {
      try {
        await ask();
      } catch (error) {
        this.#failures.push(`${kind}: ${error instanceof Error ? error.message : error}`);
        // A server that is gone fails at once, and for ever.
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    }
  }

  async #fresh(): Promise<void> {
    using conn = await this.#connect();
    await conn.write(GET_CLOSE);
    this.#answered((await new Reader(conn).response()).body);
  }

  async #post(): Promise<void> {
    using conn = await this.#connect();
    // The body in two parts, so that the request is under way for a moment.
    await writeAll(conn, POST_HEAD);
    await writeAll(conn, BODY.subarray(0, POST_BYTES / 2));
    await writeAll(conn, BODY.subarray(POST_BYTES / 2));
    this.#answered((await new Reader(conn).response()).body);
  }

  /** Asks over one connection until the server says that it will close it. */
  async #kept(): Promise<void> {
    using conn = await this.#connect();
    const reader = new Reader(conn);
    for (let closes = false; !closes && !this.#stopped;) {
      await conn.write(GET);
      const response = await reader.response();
      closes = response.closes;
      this.#answered(response.body);
    }
  }

  #connect(): Promise<Deno.Conn> {
    return connect(local(this.#port));
  }
}

/** Reads responses that have a Content-Length. */
class Reader {
  readonly #conn: Deno.Conn;
  readonly #buffer = new Uint8Array(32 * 1024);
  #length = 0;

  constructor(conn: Deno.Conn) {
    this.#conn = conn;
  }

  /** Reads one response of status 200; `closes`: the server will close the connection after it. */
  async response(): Promise<{ body: string; closes: boolean }> {
    let head: string | null = null;
    while ((head = this.#head()) === null) await this.#more("before the head was complete");
    const status = Number(head.slice(9, 12));
    const length = Number(/\r\ncontent-length: (\d+)/i.exec(head)?.[1] ?? 0);
    const end = head.length + length;
    while (this.#length < end) await this.#more("before the body was complete");
    const body = decoder.decode(this.#buffer.subarray(head.length, end));
    this.#buffer.copyWithin(0, end, this.#length);
    this.#length -= end;
    if (status !== 200) throw new Error(`status ${status}`);
    return { body, closes: /\r\nconnection: close/i.test(head) };
  }

  #head(): string | null {
    const text = decoder.decode(this.#buffer.subarray(0, this.#length));
    const end = text.indexOf("\r\n\r\n");
    return end < 0 ? null : text.slice(0, end + 4);
  }

  async #more(when: string): Promise<void> {
    const read = await this.#conn.read(this.#buffer.subarray(this.#length));
    if (read === null) throw new Error(`closed ${when}`);
    this.#length += read;
  }
}

async function writeAll(conn: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await conn.write(bytes.subarray(at));
}
