/**
 * The "upgrade" event of node:http, for WebSockets: what `ws`, socket.io and others listen to.
 *
 * They expect the bare connection, answer the handshake and speak frames on it. Here the connection
 * ends at the server, and so a socket is made up that speaks both: what the library writes is read as
 * frames and sent by `Deno.upgradeWebSocket`'s socket; what that receives is framed as a client would.
 */

import { Buffer } from "node:buffer";
import { bareResponse } from "../../deno/response.ts";
import { CloseCode } from "../../protocol/close_codes.ts";
import { hasToken } from "../../protocol/head.ts";
import type { NodeServer } from "./server.ts";
import { createIncoming } from "./incoming.ts";
import { forgetAbort, onAbort } from "./client_watch.ts";
import { type Done, type Local, NodeSocket } from "./socket.ts";
import { clientFrame, FrameReader, type Message, Opcode } from "./websocket_frames.ts";

const HEAD_END = "\r\n\r\n";
const SWITCHING_PROTOCOLS = 101;

/** Fields of the handshake that are the server's to answer. */
const HANDSHAKE = /^(?:connection|upgrade|sec-websocket-.*)$/i;

/** What may wait to be sent before the library is held back, and how often that is looked at. */
const MAX_BUFFERED_BYTES = 1024 * 1024;
const DRAIN_POLL_MS = 5;

/** Whether the request asks for what this file can give. */
export function asksForWebSocket(request: Request): boolean {
  const { headers } = request;
  return hasToken(headers.get("upgrade") ?? "", "websocket") &&
    hasToken(headers.get("connection") ?? "", "upgrade");
}

/** Lets the app's "upgrade" listeners answer the request. */
export function upgradeWithNode(
  node: NodeServer,
  request: Request,
  info: Deno.ServeHandlerInfo,
): Promise<Response> {
  const { url } = request;
  const socket = new UpgradeSocket(node, request, info.remoteAddr, url.startsWith("https:"));
  const req = createIncoming(node.Incoming, request, url, socket, withoutExtensions);
  req.upgrade = true;
  req.complete = true;
  req.push(null);
  const watched = onAbort(request, () => socket.destroy());
  try {
    node.announce(socket);
    node.server.emit("upgrade", req, socket, Buffer.alloc(0));
  } catch (error) {
    return Promise.reject(error);
  }
  return socket.response.finally(() => forgetAbort(watched));
}

/** Frames are made anew on their way: what is agreed on them ends at the server. */
function withoutExtensions(lines: string[]): string[] {
  return lines.filter((_, i) => lines[i & ~1]!.toLowerCase() !== "sec-websocket-extensions");
}

/** What the library takes for the connection. */
class UpgradeSocket extends NodeSocket {
  /** What the handler returns: the handshake's response, be it a refusal. */
  readonly response: Promise<Response>;
  readonly #resolve: (response: Response) => void;
  readonly #reject: (error: Error) => void;
  readonly #request: Request;
  /** The response's head as far as it is written, then a refusal's body. */
  #text = "";
  /** Of frames; null until the handshake is answered. */
  #reader: FrameReader | null = null;
  /** What the library sends before the socket is open. */
  #early: Message[] = [];
  #socket: WebSocket | null = null;
  #closing = false;

  constructor(local: Local, request: Request, remote: Deno.Addr, encrypted: boolean) {
    super(local, remote, encrypted);
    this.#request = request;
    ({ promise: this.response, resolve: this.#resolve, reject: this.#reject } = Promise
      .withResolvers<Response>());
  }

  /** The library writes: the handshake's response first, then frames. */
  override _write(bytes: Buffer, _encoding: BufferEncoding, done: Done): void {
    this.stir();
    try {
      if (this.#reader !== null) this.#send(this.#reader.read(bytes));
      else this.#answer(bytes.toString("latin1"));
    } catch (error) {
      return done(error as Error);
    }
    this.#whenDrained(done);
  }

  override _final(done: Done): void {
    if (this.#reader === null) this.#refuse();
    else this.#close(CloseCode.none, "");
    done();
  }

  protected override timedOut(): void {
    this.destroy();
  }

  override _destroy(error: Error | null, done: Done): void {
    // What `ws` tells its users to do: write a refusal, and destroy at once. (A 101 is none: its client
    // has left.)
    const isRefusal = this.#text.includes(HEAD_END) && statusOf(this.#text) !== SWITCHING_PROTOCOLS;
    if (this.#reader === null && isRefusal) this.#refuse();
    this.#reject(
      error ?? new Error("the app destroyed the connection before it answered the upgrade"),
    );
    this.#close(CloseCode.none, "");
    super._destroy(error, done);
  }

  #answer(text: string): void {
    this.#text += text;
    const end = this.#text.indexOf(HEAD_END);
    if (end < 0 || statusOf(this.#text) !== SWITCHING_PROTOCOLS) return;
    const fields = fieldsOf(this.#text.slice(0, end));
    const protocol = fields.find(([name]) => name.toLowerCase() === "sec-websocket-protocol")?.[1];
    const upgraded = Deno.upgradeWebSocket(this.#request, protocol ? { protocol } : {});
    for (const [name, value] of fields) {
      if (!HANDSHAKE.test(name)) upgraded.response.headers.append(name, value);
    }
    this.#reader = new FrameReader();
    this.#listen(upgraded.socket);
    const early = this.#text.slice(end + HEAD_END.length);
    this.#text = "";
    if (early !== "") this.#early = this.#reader.read(Buffer.from(early, "latin1"));
    this.#resolve(upgraded.response);
  }

  #listen(socket: WebSocket): void {
    socket.binaryType = "arraybuffer";
    socket.onopen = () => {
      this.#socket = socket;
      const early = this.#early;
      this.#early = [];
      this.#send(early);
    };
    socket.onmessage = ({ data }) => {
      if (typeof data === "string") this.#push(Opcode.text, Buffer.from(data));
      else this.#push(Opcode.binary, new Uint8Array(data));
    };
    socket.onclose = ({ code, reason }) => {
      // A clean end is a close frame; without one the connection is lost.
      if (code !== CloseCode.abnormal) this.#push(Opcode.close, closePayload(code, reason));
      this.push(null);
      if (code === CloseCode.abnormal) this.destroy();
    };
  }

  #send(messages: readonly Message[]): void {
    if (this.#socket === null) {
      this.#early.push(...messages);
      return;
    }
    for (const { opcode, payload } of messages) {
      if (opcode === Opcode.text) this.#socket.send(new TextDecoder().decode(payload));
      else if (opcode === Opcode.binary) this.#socket.send(payload);
      else if (opcode === Opcode.close) this.#closeWith(payload);
      // The server itself asks whether the client is there, and drops it when it is not.
      else if (opcode === Opcode.ping) this.#push(Opcode.pong, payload);
    }
  }

  #closeWith(payload: Uint8Array): void {
    const code = payload.length < 2 ? CloseCode.none : payload[0]! << 8 | payload[1]!;
    this.#close(code, new TextDecoder().decode(payload.subarray(2)));
  }

  #close(code: number, reason: string): void {
    if (this.#closing) return;
    this.#closing = true;
    if (code === CloseCode.none) this.#socket?.close();
    else this.#socket?.close(code, reason);
  }

  #push(opcode: number, payload: Uint8Array): void {
    if (!this.destroyed) this.push(clientFrame(opcode, payload));
  }

  /** The library refuses the upgrade with a response like any other, and ends its side. */
  #refuse(): void {
    const end = this.#text.indexOf(HEAD_END);
    if (end < 0) return void this.destroy();
    const fields = fieldsOf(this.#text.slice(0, end))
      .filter(([name]) => !/^(?:connection|content-length)$/i.test(name));
    const body = Buffer.from(this.#text.slice(end + HEAD_END.length), "latin1");
    this.#resolve(bareResponse(statusOf(this.#text), fields, body));
  }

  #whenDrained(done: Done): void {
    const socket = this.#socket;
    if (socket === null || socket.bufferedAmount < MAX_BUFFERED_BYTES) done();
    else setTimeout(() => this.#whenDrained(done), DRAIN_POLL_MS);
  }
}

/** "HTTP/1.1 101 …" */
function statusOf(head: string): number {
  return Number(head.slice(9, 12));
}

function fieldsOf(head: string): [string, string][] {
  return head.split("\r\n").slice(1).map((line) => {
    const colon = line.indexOf(":");
    return [line.slice(0, colon), line.slice(colon + 1).trim()];
  });
}

function closePayload(code: number, reason: string): Uint8Array {
  if (code === CloseCode.none) return new Uint8Array(0);
  const text = Buffer.from(reason);
  return Buffer.concat([Buffer.from([code >> 8, code & 0xff]), text]);
}
