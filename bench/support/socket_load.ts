/**
 * The load generator for WebSockets: frames over plain TCP, prepared once, so that it costs less than
 * what it measures. Each connection sends a message, waits for its echo, and sends the next.
 */

/** What opens a WebSocket. */
export const HANDSHAKE = new TextEncoder().encode([
  "GET / HTTP/1.1",
  "Host: bench",
  "Connection: Upgrade",
  "Upgrade: websocket",
  "Sec-WebSocket-Version: 13",
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
  "\r\n",
].join("\r\n"));

/** Up to here a frame's length stands in its second byte (RFC 6455, 5.2). */
const MAX_PAYLOAD_BYTES = 125;

/** A text frame as clients send it. A mask of zeros is one as well, and leaves the payload readable. */
export function clientFrame(payload: string): Uint8Array {
  const bytes = new TextEncoder().encode(payload);
  if (bytes.length > MAX_PAYLOAD_BYTES) {
    throw new Error(`A payload of ${bytes.length} bytes is longer than ${MAX_PAYLOAD_BYTES}`);
  }
  return Uint8Array.of(0x81, 0x80 | bytes.length, 0, 0, 0, 0, ...bytes);
}

export class SocketLoad {
  /** Echoes so far. */
  echoes = 0;
  /** Connections that broke. */
  broken = 0;
  readonly #connections: Deno.TcpConn[] = [];
  readonly #frame: Uint8Array;
  readonly #echoBytes: number;
  #stopped = false;

  constructor(payload: string) {
    this.#frame = clientFrame(payload);
    this.#echoBytes = this.#frame.length - 4; // without the mask
  }

  /** Opens one connection and lets it run. */
  async open(port: number): Promise<void> {
    const connection = await Deno.connect({ hostname: "127.0.0.1", port });
    this.#connections.push(connection);
    await connection.write(HANDSHAKE);
    const buffer = new Uint8Array(4096);
    let head = "";
    while (!head.includes("\r\n\r\n")) {
      const count = await connection.read(buffer);
      if (count === null) throw new Error(`The server ended the handshake: ${head}`);
      head += new TextDecoder("latin1").decode(buffer.subarray(0, count));
    }
    if (!head.startsWith("HTTP/1.1 101 ")) {
      throw new Error(`No WebSocket: ${head.split("\r\n")[0]}`);
    }
    this.#run(connection, buffer).catch(() => {
      if (!this.#stopped) this.broken++;
    });
  }

  /** Ends all connections. */
  stop(): void {
    this.#stopped = true;
    for (const connection of this.#connections) connection.close();
  }

  async #run(connection: Deno.TcpConn, buffer: Uint8Array): Promise<void> {
    for (;;) {
      await connection.write(this.#frame);
      for (let seen = 0; seen < this.#echoBytes;) {
        const count = await connection.read(buffer);
        if (count === null) throw new Error("The server closed the socket");
        seen += count;
      }
      this.echoes++;
    }
  }
}
