/** A client of WebSockets that is as polite, or as rude, as a test needs. */

/** A real WebSocket, with its messages and its end to be awaited. */
export class Client {
  readonly socket: WebSocket;
  readonly closed: Promise<CloseEvent>;
  readonly #messages: unknown[] = [];
  #waiting: ((message: unknown) => void)[] = [];

  private constructor(socket: WebSocket) {
    this.socket = socket;
    socket.binaryType = "arraybuffer";
    this.closed = new Promise((resolve) => socket.onclose = resolve);
    socket.onmessage = ({ data }) => {
      const waiting = this.#waiting.shift();
      if (waiting === undefined) this.#messages.push(data);
      else waiting(data);
    };
  }

  static async open(url: string, protocols: string[] = []): Promise<Client> {
    const socket = new WebSocket(url, protocols);
    const client = new Client(socket);
    await new Promise<void>((resolve, reject) => {
      socket.onopen = () => resolve();
      socket.onerror = (event) => reject(new Error((event as ErrorEvent).message));
    });
    socket.onerror = () => {};
    return client;
  }

  /** The next message, or "closed" when there is none. */
  next(): Promise<unknown> {
    if (this.#messages.length > 0) return Promise.resolve(this.#messages.shift());
    const message = new Promise<unknown>((resolve) => this.#waiting.push(resolve));
    return Promise.race([message, this.closed.then(() => "closed")]);
  }

  async close(code?: number, reason?: string): Promise<CloseEvent> {
    this.socket.close(code, reason);
    return await this.closed;
  }
}

const KEY = "dGhlIHNhbXBsZSBub25jZQ==";

/** A connection on which nothing is said or read but what the test says and reads. */
export class RawClient implements Disposable {
  readonly connection: Deno.TcpConn;

  private constructor(connection: Deno.TcpConn) {
    this.connection = connection;
  }

  static async connect(port: number): Promise<RawClient> {
    return new RawClient(await Deno.connect({ hostname: "127.0.0.1", port }));
  }

  /** Sends a handshake with these fields in place of, or beside, the usual ones; "" leaves one out. */
  async handshake(
    path: string,
    fields: Record<string, string> = {},
    method = "GET",
  ): Promise<string> {
    const all = {
      Host: "localhost",
      Connection: "Upgrade",
      Upgrade: "websocket",
      "Sec-WebSocket-Version": "13",
      "Sec-WebSocket-Key": KEY,
      ...fields,
    };
    const lines = Object.entries(all).filter(([, value]) => value !== "")
      .map(([name, value]) => `${name}: ${value}\r\n`);
    await this.send(
      new TextEncoder().encode(`${method} ${path} HTTP/1.1\r\n${lines.join("")}\r\n`),
    );
    return await this.head();
  }

  async send(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length;) at += await this.connection.write(bytes.subarray(at));
  }

  /** A frame of the client's: masked, with a mask of zeros. */
  async frame(opcode: number, payload: Uint8Array | string = ""): Promise<void> {
    const bytes = typeof payload === "string" ? new TextEncoder().encode(payload) : payload;
    const length = bytes.length < 126
      ? [0x80 | bytes.length]
      : [0x80 | 126, bytes.length >> 8, bytes.length & 255];
    await this.send(new Uint8Array([0x80 | opcode, ...length, 0, 0, 0, 0, ...bytes]));
  }

  /** Reads as far as the end of the head, byte by byte: what follows is frames. */
  async head(): Promise<string> {
    let head = "";
    const byte = new Uint8Array(1);
    while (!head.endsWith("\r\n\r\n") && await this.connection.read(byte) !== null) {
      head += String.fromCharCode(byte[0]!);
    }
    return head;
  }

  /** Reads exactly so many bytes; fewer at the end. */
  async read(count: number): Promise<Uint8Array> {
    const bytes = new Uint8Array(count);
    let at = 0;
    while (at < count) {
      const n = await this.connection.read(bytes.subarray(at)).catch(() => null);
      if (n === null) break;
      at += n;
    }
    return bytes.subarray(0, at);
  }

  /** The next frame of the server's, which are short ones. */
  async nextFrame(): Promise<{ opcode: number; text: string; code: number } | null> {
    const [first, length] = await this.read(2);
    if (length === undefined) return null;
    const payload = await this.read(length);
    const code = payload.length >= 2 ? payload[0]! << 8 | payload[1]! : 0;
    return { opcode: first! & 15, text: new TextDecoder().decode(payload), code };
  }

  [Symbol.dispose](): void {
    this.connection.close();
  }
}

export const Opcode = { text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;
