/** A connection that Deno's HTTP serves, and its other end. */

import { serveConnection } from "../../../src/deno/http.ts";
import type { ConnectionHandler, HttpConnection } from "../../../src/deno/http_connection.ts";

const text = { encode: new TextEncoder(), decode: new TextDecoder("latin1") };

export class Served {
  readonly client: Deno.Conn;
  readonly accepted: Deno.Conn;
  readonly connection: HttpConnection;

  private constructor(client: Deno.Conn, accepted: Deno.Conn, connection: HttpConnection) {
    this.client = client;
    this.accepted = accepted;
    this.connection = connection;
  }

  /** Over TCP, or over a unix socket of this path. */
  static async start(handler: ConnectionHandler, path?: string): Promise<Served> {
    using listener: Deno.Listener = path === undefined
      ? Deno.listen({ hostname: "127.0.0.1", port: 0 })
      : Deno.listen({ transport: "unix", path });
    const { addr } = listener;
    const client =
      await (addr.transport === "unix"
        ? Deno.connect({ transport: "unix", path: path! })
        : Deno.connect({ hostname: "127.0.0.1", port: (addr as Deno.NetAddr).port }));
    const accepted = await listener.accept();
    const failed = (error: unknown) => new Response(String(error), { status: 500 });
    const connection = serveConnection(accepted, handler, failed);
    connection.finished.catch(() => {});
    return new Served(client, accepted, connection);
  }

  async send(bytes: string | Uint8Array): Promise<void> {
    await this.client.write(typeof bytes === "string" ? text.encode.encode(bytes) : bytes);
  }

  /** What comes next, or null at the end. */
  async read(): Promise<string | null> {
    const buffer = new Uint8Array(65_536);
    const length = await this.client.read(buffer);
    return length === null ? null : text.decode.decode(buffer.subarray(0, length));
  }

  /** All that comes until the end. */
  async readAll(): Promise<string> {
    let all = "";
    for (let piece; (piece = await this.read()) !== null;) all += piece;
    return all;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.connection.abort();
    this.client.close();
    await this.connection.finished.catch(() => {});
  }
}
