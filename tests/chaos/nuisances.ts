/** Clients that nobody wants: slow ones, and such that speak no HTTP. They expect nothing. */

import { connect, local } from "../support/http.ts";
import type { Random } from "./random.ts";

/** A slow client gives up after so many bytes, so that there is always one that has just begun. */
const SLOW_BYTES = 40;
const SLOW_PAUSE_MS = 100;
const PATIENCE_MS = 5_000;

const MALFORMED = [
  "GET / HTTP/1.1\r\n\r\n",
  "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
  "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
  "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
  "GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n",
  `GET /${"a".repeat(70_000)} HTTP/1.1\r\nHost: a\r\n\r\n`,
  "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
  "\r\n\r\n\r\n\r\n",
  "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
  "CONNECT example.org:80 HTTP/1.1\r\nHost: example.org\r\n\r\n",
];

export class Nuisances {
  readonly #port: number;
  readonly #random: Random;
  readonly #running: Promise<void>[];
  #stopped = false;
  /** Connections made. */
  count = 0;

  constructor(port: number, random: Random, clients: number) {
    this.#port = port;
    this.#random = random;
    this.#running = Array.from({ length: clients }, () => this.#run());
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#running);
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      try {
        await (this.#random.next() < 0.5 ? this.#slow() : this.#malformed());
      } catch {
        // A connection that is closed on it is all that it can hope for.
      }
      await sleep(20);
    }
  }

  /** Sends a head byte by byte, and goes without having ended it. */
  async #slow(): Promise<void> {
    using conn = await connect(local(this.#port));
    this.count++;
    const bytes = new TextEncoder().encode(
      "GET / HTTP/1.1\r\nHost: test\r\nX-Slow: aaaaaaaaaaaaaa",
    );
    for (let i = 0; i < SLOW_BYTES && !this.#stopped; i++) {
      await conn.write(bytes.subarray(i, i + 1));
      await sleep(SLOW_PAUSE_MS);
    }
  }

  /** Sends what is no request, and waits until the server has had enough. */
  async #malformed(): Promise<void> {
    using conn = await connect(local(this.#port));
    this.count++;
    const timer = setTimeout(() => conn.close(), PATIENCE_MS);
    try {
      await conn.write(new TextEncoder().encode(this.#random.pick(MALFORMED)));
      const buffer = new Uint8Array(1024);
      while (await conn.read(buffer) !== null);
    } finally {
      clearTimeout(timer);
    }
  }
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
