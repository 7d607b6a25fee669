/** HTTP/1 by hand over TCP: what clients send when they do not keep to the rules. */

import { soon } from "./wait.ts";

/** Bytes as a string of their codes, which is how these tests write and read what is on the wire. */
export type Latin1 = string;

export function toBytes(text: Latin1): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(text, (char) => char.charCodeAt(0));
}

export function toLatin1(bytes: Uint8Array): Latin1 {
  let text = "";
  for (let at = 0; at < bytes.length; at += 4096) {
    text += String.fromCharCode(...bytes.subarray(at, at + 4096));
  }
  return text;
}

export interface WireResponse {
  readonly status: number;
  /** Names in lower case. */
  readonly fields: ReadonlyMap<string, string>;
  readonly body: Latin1;
}

export class Wire implements Disposable {
  readonly connection: Deno.Conn;
  /** What has come and was not yet taken. */
  received: Latin1 = "";
  /** The server has closed, or cut, the connection. */
  ended = false;

  constructor(connection: Deno.Conn) {
    this.connection = connection;
  }

  static async connect(port: number): Promise<Wire> {
    return new Wire(await Deno.connect({ hostname: "127.0.0.1", port }));
  }

  /** Sends all of it. False where the server has no ear for it any more. */
  async send(text: Latin1): Promise<boolean> {
    const bytes = toBytes(text);
    try {
      for (let at = 0; at < bytes.length;) at += await this.connection.write(bytes.subarray(at));
      return true;
    } catch (error) {
      if (!isCut(error)) throw error;
      return false;
    }
  }

  /** Takes in what comes next. False at the end. */
  async receive(): Promise<boolean> {
    const buffer = new Uint8Array(65536);
    try {
      const length = await soon("the server sends or closes", this.connection.read(buffer));
      if (length === null) this.ended = true;
      else this.received += toLatin1(buffer.subarray(0, length));
    } catch (error) {
      if (!isCut(error)) throw error;
      this.ended = true;
    }
    return !this.ended;
  }

  /** The next response, whole; null where the connection ends before it. */
  async response({ head = false } = {}): Promise<WireResponse | null> {
    for (;;) {
      const taken = takeResponse(this.received, head);
      if (taken !== null) {
        this.received = this.received.slice(taken.length);
        if (taken.response.status !== 100) return taken.response;
      } else if (!await this.receive()) {
        return null;
      }
    }
  }

  /** All that comes until the server closes. */
  async rest(): Promise<Latin1> {
    while (await this.receive());
    return this.received;
  }

  [Symbol.dispose](): void {
    try {
      this.connection.close();
    } catch {
      // Closed by the test.
    }
  }
}

function isCut(error: unknown): boolean {
  return error instanceof Deno.errors.ConnectionReset || error instanceof Deno.errors.BrokenPipe ||
    error instanceof Deno.errors.ConnectionAborted;
}

/** The response at the beginning of the text and how long it is, or null where it is not all there. */
function takeResponse(
  text: Latin1,
  head: boolean,
): { response: WireResponse; length: number } | null {
  const end = text.indexOf("\r\n\r\n");
  if (end < 0) return null;
  const [statusLine = "", ...lines] = text.slice(0, end).split("\r\n");
  const status = Number(/^HTTP\/1\.[01] ([1-9][0-9]{2}) /.exec(statusLine)?.[1]);
  if (Number.isNaN(status)) throw new Error(`No status line: ${JSON.stringify(statusLine)}`);
  const fields = new Map(lines.map((line) => {
    const colon = line.indexOf(":");
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()] as const;
  }));
  const from = end + 4;
  const withoutBody = head || status < 200 || status === 204 || status === 304;
  if (withoutBody) return { response: { status, fields, body: "" }, length: from };
  if (fields.get("transfer-encoding") !== "chunked") {
    const length = Number(fields.get("content-length") ?? 0);
    if (text.length < from + length) return null;
    return {
      response: { status, fields, body: text.substring(from, from + length) },
      length: from + length,
    };
  }
  let body = "";
  for (let at = from;;) {
    const line = text.indexOf("\r\n", at);
    if (line < 0) return null;
    const size = parseInt(text.slice(at, line), 16);
    at = line + 2 + size + 2;
    if (text.length < at) return null;
    if (size === 0) return { response: { status, fields, body }, length: at };
    body += text.substring(line + 2, line + 2 + size);
  }
}
