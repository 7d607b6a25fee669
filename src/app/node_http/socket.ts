/** What an app finds in `req.socket`: one for each exchange, with no descriptor behind it. */

import type { Server } from "node:http";
import { Duplex, type DuplexOptions } from "node:stream";

/** What was written together: Node corks the head and the first piece of the body into one. */
export type Piece = { readonly chunk: string | Uint8Array; readonly encoding: BufferEncoding };

export type Done = (error?: Error | null) => void;

/** The exchange behind the socket. */
export interface Carrier {
  /** Takes what the app writes; `done` admits the next, which is what slows the app down. */
  take(pieces: readonly Piece[], done: Done): void;
  /** The app wants more of the request body, or wants no more for now. */
  feed(): void;
  hold(): void;
  /** Nothing was written for as long as the app has set. */
  timedOut(): void;
  /** The app has ended its response. */
  isAnswered(): boolean;
  /** The app has ended the socket itself. */
  hungUp(): void;
  /** The socket is gone, by the app's `destroy()` or with the client. */
  gone(error: Error | null): void;
}

/** The server that the exchange belongs to, and where it is said to listen. */
export interface Local {
  readonly server: Server;
  readonly localAddress: string | undefined;
  readonly localPort: number | undefined;
}

/** What both kinds of socket have in common: an address, and options that nobody needs here. */
export abstract class NodeSocket extends Duplex implements Local {
  readonly remoteAddress: string | undefined;
  readonly remotePort: number | undefined;
  readonly localAddress: string | undefined;
  readonly localPort: number | undefined;
  readonly encrypted: boolean;
  readonly server: Server;
  readonly connecting = false;
  readonly pending = false;
  readonly parser = null;
  timeout = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(local: Local, remote: Deno.Addr, encrypted: boolean, options: DuplexOptions = {}) {
    super(options);
    this.server = local.server;
    this.encrypted = encrypted;
    const tcp = "hostname" in remote;
    this.remoteAddress = tcp ? remote.hostname : undefined;
    this.remotePort = tcp ? remote.port : undefined;
    this.localAddress = local.localAddress;
    this.localPort = local.localPort;
  }

  get remoteFamily(): string | undefined {
    return familyOf(this.remoteAddress);
  }

  get localFamily(): string | undefined {
    return familyOf(this.localAddress);
  }

  get readyState(): string {
    return this.destroyed ? "closed" : "open";
  }

  address(): { address?: string; port?: number; family?: string } {
    const { localAddress: address, localPort: port, localFamily: family } = this;
    return address === undefined ? {} : { address, port: port!, family: family! };
  }

  /** Emits "timeout" after so long without a write; 0 never does. The server has its own deadlines. */
  setTimeout(ms: number, callback?: () => void): this {
    clearTimeout(this.#timer);
    this.timeout = ms;
    if (callback !== undefined) this.once("timeout", callback);
    if (ms > 0) {
      this.#timer = setTimeout(() => {
        if (this.isAnswered()) return;
        this.emit("timeout");
        this.timedOut();
      }, ms);
      Deno.unrefTimer(this.#timer as unknown as number);
    }
    return this;
  }

  /** The exchange is over: a timer that waited on would keep it until then. */
  settle(): void {
    clearTimeout(this.#timer);
    this.timeout = 0;
  }

  destroySoon(): void {
    if (this.writable) this.end();
    if (this.writableFinished) this.destroy();
    else this.once("finish", () => this.destroy());
  }

  setNoDelay(): this {
    return this;
  }

  setKeepAlive(): this {
    return this;
  }

  ref(): this {
    return this;
  }

  unref(): this {
    return this;
  }

  /** Something was written. */
  protected stir(): void {
    if (this.timeout > 0) this.setTimeout(this.timeout);
  }

  /** Nothing was written for as long as the app has set. */
  protected timedOut(): void {}

  /** The app has nothing more to say: how slowly it is taken is the server's affair. */
  protected isAnswered(): boolean {
    return false;
  }

  override _read(): void {}

  override _destroy(error: Error | null, done: Done): void {
    clearTimeout(this.#timer);
    // Unheard it would be an uncaught one; the request and the response tell of it as well.
    done(this.listenerCount("error") > 0 ? error : null);
  }
}

/**
 * The socket of a request and its response. A Duplex rather than a bare EventEmitter: its buffer, its
 * drain and its destroy are then what frameworks rely on. Its readable side stays silent: the request
 * body goes to IncomingMessage at once, as Node's parser hands it over. IncomingMessage says that it
 * wants some by resume().
 */
export class ExchangeSocket extends NodeSocket {
  readonly #carrier: Carrier;

  constructor(carrier: Carrier, local: Local, remote: Deno.Addr, encrypted: boolean) {
    // Strings stay strings: the head is one, and a text body may cross the queue as it is.
    super(local, remote, encrypted, { decodeStrings: false });
    this.#carrier = carrier;
  }

  override resume(): this {
    this.#carrier.feed();
    return this;
  }

  override pause(): this {
    this.#carrier.hold();
    return this;
  }

  override _write(chunk: Piece["chunk"], encoding: BufferEncoding, done: Done): void {
    this.stir();
    this.#carrier.take([{ chunk, encoding }], done);
  }

  override _writev(pieces: Piece[], done: Done): void {
    this.stir();
    this.#carrier.take(pieces, done);
  }

  override _final(done: Done): void {
    done();
    this.#carrier.hungUp();
  }

  protected override timedOut(): void {
    this.#carrier.timedOut();
  }

  protected override isAnswered(): boolean {
    return this.#carrier.isAnswered();
  }

  override _destroy(error: Error | null, done: Done): void {
    this.#carrier.gone(error);
    super._destroy(error, done);
  }
}

function familyOf(address: string | undefined): string | undefined {
  return address === undefined ? undefined : address.includes(":") ? "IPv6" : "IPv4";
}
