/** One end of a control channel: JSON, one message a line, in order, over a stream socket. */

/** A line longer than this is no message of ours (a trace in a log record may be long), characters. */
const MAX_LINE_CHARACTERS = 4 * 1024 * 1024;
/** Bytes that may wait for a peer that does not read (it is stopped, or busy); further ones are refused. */
const MAX_UNSENT_BYTES = 8 * 1024 * 1024;
const READ_BYTES = 16 * 1024;

/** The part of a connection that a channel needs. */
export type ControlConn = Pick<Deno.Conn, "read" | "write" | "close">;

export class ControlChannel<Incoming, Outgoing> {
  readonly #conn: ControlConn;
  readonly #parse: (value: unknown) => Incoming;
  #unsent: string[] = [];
  #unsentBytes = 0;
  #flushing: Promise<void> | null = null;
  #closed = false;

  /** @param parse Checks a message that came in; throws where it is none. */
  constructor(conn: ControlConn, parse: (value: unknown) => Incoming) {
    this.#conn = conn;
    this.#parse = parse;
  }

  /**
   * Sends in order, without waiting. False where the channel is closed, the peer does not read, or
   * the message is longer than a peer would take: it would end the channel, and with it a proc.
   */
  send(message: Outgoing): boolean {
    if (this.#closed) return false;
    const line = JSON.stringify(message) + "\n";
    if (line.length > MAX_LINE_CHARACTERS) return false;
    if (this.#unsentBytes + line.length > MAX_UNSENT_BYTES) return false;
    this.#unsent.push(line);
    this.#unsentBytes += line.length;
    this.#flushing ??= this.#flush();
    return true;
  }

  /** Resolves when all that was sent has been handed to the system, or the channel is closed. */
  async flushed(): Promise<void> {
    await this.#flushing;
  }

  /**
   * The messages that come in, until the peer is gone or the channel is closed. Throws where a line
   * is no message.
   */
  async *[Symbol.asyncIterator](): AsyncGenerator<Incoming, void, undefined> {
    const decoder = new TextDecoder();
    const buffer = new Uint8Array(READ_BYTES);
    let partial = "";
    for (;;) {
      const size = await this.#read(buffer);
      if (size === null) return;
      const lines = (partial + decoder.decode(buffer.subarray(0, size), { stream: true }))
        .split("\n");
      partial = lines.pop() ?? "";
      if (partial.length > MAX_LINE_CHARACTERS) {
        throw new Error(
          `a line on the control channel is longer than ${MAX_LINE_CHARACTERS} characters`,
        );
      }
      for (const line of lines) yield this.#parse(JSON.parse(line));
    }
  }

  /** Closes at once; what was not sent is lost. May be called twice. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#unsent = [];
    this.#unsentBytes = 0;
    this.#conn.close();
  }

  async #read(buffer: Uint8Array): Promise<number | null> {
    try {
      return this.#closed ? null : await this.#conn.read(buffer);
    } catch {
      return null; // reset by the peer, or closed here meanwhile: gone in either case
    }
  }

  async #flush(): Promise<void> {
    // One turn later, so that all messages of this turn leave in one write.
    await Promise.resolve();
    try {
      while (this.#unsent.length > 0) {
        const bytes = new TextEncoder().encode(this.#unsent.join(""));
        this.#unsent = [];
        for (let at = 0; at < bytes.length;) at += await this.#conn.write(bytes.subarray(at));
        this.#unsentBytes = this.#unsent.reduce((sum, line) => sum + line.length, 0);
      }
    } catch {
      this.close(); // the reader learns of it too: the read ends
    } finally {
      this.#flushing = null;
    }
  }
}
