/** Reads responses that have a Content-Length, one after the other, from one connection. */

const decoder = new TextDecoder();

export class ResponseReader {
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
