/** One accepted connection, with all of its exchanges. */

import { type Context, outlive, takeContext } from "../../deno/context.ts";
import { isHttp2, serveConnection } from "../../deno/http.ts";
import type { ConnectionHandler, HttpConnection } from "../../deno/http_connection.ts";
import type { KeptSocket } from "../../os/connections/kept_socket.ts";
import type { Field } from "../../protocol/head.ts";
import type { Timed } from "../edge/deadlines.ts";
import type { Peer } from "../edge/head_check.ts";
import type { KernelSide } from "../edge/kernel_side.ts";
import type { PeerFacts } from "../edge/peer.ts";
import type { Rule } from "../edge/rules.ts";
import { Delivery } from "./delivery.ts";

/**
 * What the kernel is to keep of a body in chunks. At each read Deno's decoder takes all that is there
 * (150 KB and more) and hands out 64 KiB at most; what it holds grows, and it moves all of it each time:
 * 1 GB took 52 s of CPU under a window of 256 KiB, 2 s in bursts of 8 MiB, which cost memory. When less
 * is there than it hands out, it holds nothing back.
 */
const UNREAD_CHUNKS_BYTES = 32 * 1024;

/** Answers the requests of a connection. */
export type SessionHandler = (
  session: Session,
  ...args: Parameters<ConnectionHandler>
) => ReturnType<ConnectionHandler>;

/** What a session reports to the server that owns it. */
export interface SessionEvents {
  /** Deno's HTTP failed to answer; the client gets a 500 if it still listens. */
  onError(error: unknown): Response;
  onClosed(session: Session): void;
  /** Its deadline has come. */
  onDue(session: Session): void;
  readonly kernel: KernelSide;
}

/** Looks in a row at which a body's bytes were waited for and none came: what came is no body then. */
const IDLE_LOOKS = 3;

const RESET_CONTENT = 205;

/** What a client of HTTP/2 may send of bodies that nobody reads: Deno's window for a connection. */
const WINDOW_BYTES = 1024 * 1024;
/** What it may say between two looks beside requests (PING, SETTINGS, cancelled streams), bytes. */
const PINGS_BYTES = 16 * 1024;
/** And for each byte that it gets, telling that it may get more: two frames for each small one. */
const WINDOW_UPDATES = 2;

export class Session implements Peer, Timed {
  readonly id: number;
  readonly remoteHost: string;
  readonly remotePort: number;
  readonly scheme: "http" | "https";
  readonly origin: string;
  readonly trusted: boolean;
  readonly local: string;
  /** Exchanges in flight on this connection (HTTP/2 has several). */
  inFlight = 0;
  /** Exchanges begun. */
  requests = 0;
  /** Those begun before its proc was to leave; -1 as long as it is not. */
  requestsBefore = -1;
  /** When the last exchange ended, or the connection was accepted; the server's clock. */
  idleSince: number;
  /** Bodies that are under way. */
  uploads = 0;
  /** Bodies whose next bytes are waited for. */
  waiting = 0;
  /** Bytes that requests have taken of the connection since the last look; an upper bound. */
  consumed = 0;
  /** Whether the last request had a body of which some may still be to come. */
  hadBody = false;
  /** The connection ends with the response in hand. */
  last = false;
  /** The client was told so, in a response's head. */
  told = false;
  /** The rule by which a request was refused: no other one on this connection is to pass. */
  refused: Rule | null = null;
  /** Part of the next request's head was seen. */
  beginning = false;
  /** Responses that are whole, and that Deno has not written to the end: known of HTTP/2 alone. */
  held = 0;
  /** When it was told to close; -Infinity: without patience. */
  leavingSince = Infinity;
  /** Deno was told to close it behind what it still has to send. */
  shut = false;
  closed = false;
  /** What it sends is dropped: see FloodWatch. */
  muted = false;
  /** It is a trusted proxy's: requests of many clients come by it. */
  forwards = false;
  dueAt = Infinity;
  lookAt = -1;
  lookPlace = -1;

  readonly #connection: Deno.Conn;
  readonly #http: HttpConnection;
  readonly #delivery: Delivery;
  #context: Context | null = null;
  readonly #events: SessionEvents;
  #http2: boolean | undefined;
  #received = 0;
  #ahead = 0;
  #delivered = 0;
  /** Looks in a row at which a body's bytes were waited for and none had come. */
  #idleLooks = 0;
  #bounded: boolean | null = null;
  /** Over HTTP/2, once it was told to close: see Lingering. */
  #kept: KeptSocket | null = null;

  constructor(
    id: number,
    connection: Deno.Conn,
    peer: PeerFacts,
    http2: boolean | undefined,
    handler: SessionHandler,
    events: SessionEvents,
    now: number,
  ) {
    this.id = id;
    this.remoteHost = peer.remoteHost;
    this.remotePort = peer.remotePort;
    this.scheme = peer.scheme;
    this.origin = peer.origin;
    this.trusted = peer.trusted;
    this.local = peer.local;
    this.#http2 = http2;
    this.#events = events;
    this.idleSince = now;
    this.#connection = connection;
    this.#delivery = new Delivery(events.kernel, connection);
    this.#http = serveConnection(
      connection,
      (request, info) => handler(this, request, info),
      (error) => events.onError(error),
    );
    const closed = () => {
      this.closed = true;
      events.kernel.closed(connection);
      events.onClosed(this);
    };
    // A connection that broke is over like one that ended: whoever waits on it is told elsewhere.
    this.#http.finished.then(closed, closed);
  }

  /** Whether isHttp2() has been asked, and does not need its arguments any more. */
  get knowsProtocol(): boolean {
    return this.#http2 !== undefined;
  }

  /** Whether it is known to speak HTTP/2: with TLS always, else where isHttp2() has been asked. */
  get http2(): boolean {
    return this.#http2 === true;
  }

  /** To be asked while a request is being handled, before anything is awaited; these are its method and fields. */
  isHttp2(method: string, fields: readonly Field[]): boolean {
    return this.#http2 ??= isHttp2(method, fields);
  }

  onDue(): void {
    this.#events.onDue(this);
  }

  /**
   * Whether bytes came within the last so many milliseconds; where that cannot be known, whether any
   * lie unread.
   */
  heardWithin(ms: number): boolean {
    const { kernel } = this.#events;
    const info = kernel.info(this.#connection);
    return info !== null ? info.last_data_recv < ms : kernel.unread(this.#connection) > 0;
  }

  /**
   * Whether bytes came after the last response: the beginning of a head. Bytes within a tick of the
   * kernel's clock (1 to 10 ms) after the response do not count, since they may have come before it.
   * False where it cannot be known.
   */
  hasBegun(): boolean {
    const info = this.#events.kernel.info(this.#connection);
    return info !== null && info.last_data_recv < info.last_data_sent;
  }

  /**
   * How far the client has sent ahead of what it is answered, bytes: what came and no request has
   * taken. Deno reads a connection while a response is waited for, to notice when the client leaves,
   * and keeps what it reads; of HTTP/2 it reads always, and answers by itself what is out of bounds.
   * 0 where it cannot be known.
   */
  sentAhead(): number {
    const info = this.#events.kernel.info(this.#connection);
    if (info === null) return 0;
    const came = info.bytes_received - this.#received;
    this.#received = info.bytes_received;
    const idle = this.waiting > 0 && this.consumed === 0;
    // HTTP/1: while a body is under way nothing is counted, since it is read as the app takes it; what
    // else has come shows afterwards. The exception: bytes that come while the body's next ones are
    // waited for, and are none of it, are trailers without end. HTTP/2 is always counted: no more of a
    // body comes than was expected and read.
    const counts = this.uploads === 0 || this.#http2 === true;
    const taken = counts ? this.consumed : idle ? 0 : Infinity;
    const noise = this.#ahead + came - taken - this.#frames(info.bytes_acked);
    // What is announced of a body may come later, or never.
    this.#ahead = Math.max(this.#http2 === true ? -WINDOW_BYTES : 0, noise);
    this.consumed = 0;
    this.#idleLooks = idle ? this.#idleLooks + 1 : 0;
    // At the first such looks the bytes may be the body's, which came just now and are unread.
    return idle && this.#idleLooks < IDLE_LOOKS ? 0 : this.#ahead;
  }

  /** Bytes that came and that Deno has yet to read: it is busy, or nobody reads the body. */
  unread(): number {
    return this.#events.kernel.unread(this.#connection);
  }

  /** How much may have come since the last look as frames that belong to no request, bytes. */
  #frames(acked: number): number {
    const taken = acked - this.#delivered;
    this.#delivered = acked;
    return this.#http2 === true ? PINGS_BYTES + taken * WINDOW_UPDATES : 0;
  }

  /** A request's body of so many bytes is to come; negative: nobody knows how many. */
  expectBody(length: number): void {
    // Nobody may read it. In HTTP/2 no more than a window of it comes then, RFC 9113, 5.2.
    const most = this.#http2 === true ? WINDOW_BYTES : Infinity;
    this.consumed += length < 0 ? most : Math.min(length, most);
  }

  /**
   * Whether all that has come ought to be requests: in HTTP/2 always. Else it may be the rest of a body
   * that nobody reads, which Deno takes in and drops.
   */
  get owesRequests(): boolean {
    return this.#http2 === true || this.inFlight === 0 && !this.hadBody;
  }

  /**
   * Whether a response of this status has to be the connection's last. Deno sends 205 without a length:
   * over HTTP/1 a client takes all that follows for its body (RFC 9112, 6.3).
   */
  endsWith(status: number): boolean {
    return this.last ||= status === RESET_CONTENT && this.#http2 !== true;
  }

  /** Whether requests may have come that Deno has yet to look at. */
  get mayPipeline(): boolean {
    return this.#http2 !== true && this.requests > 0;
  }

  /** The kernel drops what comes from now on; the client is not told. Returns whether it could be had. */
  mute(): boolean {
    return this.muted = this.#events.kernel.mute(this.#connection);
  }

  /** For how long the client has taken nothing of what is on its way to it: see Delivery. */
  stuckFor(now: number): number {
    return this.#delivery.stuckFor(now, this.idleSince, this.held > 0, this.http2);
  }

  /** A body of unknown length comes. Returns whether it can be read in steps of any size. */
  expectChunks(): boolean {
    // Frames of HTTP/2 tell their length.
    if (this.#http2 === true) return true;
    return this.#bounded ??= this.#events.kernel.boundUnread(this.#connection, UNREAD_CHUNKS_BYTES);
  }

  /**
   * Closes when what is in flight is answered and written, however slowly its client takes it: at once
   * when nothing is. An abort() comes to nothing afterwards, a cut() does not.
   */
  shutdown(): void {
    this.shut = true;
    if (this.closed) return;
    if (this.http2) this.#kept ??= this.#events.kernel.keep(this.#connection);
    this.#http.shutdown().catch(() => {});
  }

  /** What outlives Deno's close(), if anything does; whoever takes it has to close it. */
  takeKept(): KeptSocket | null {
    const kept = this.#kept;
    this.#kept = null;
    return kept;
  }

  /**
   * Whether the client is gone, as far as that is known. To be asked before a request is upgraded: for one
   * whose client has left Deno waits for good, and holds the connection's descriptor.
   */
  get hasLeft(): boolean {
    return this.closed || this.#events.kernel.hasLeft(this.#connection);
  }

  /** To be called while a request that asks for a WebSocket is being handled. */
  expectUpgrade(): void {
    this.#context = takeContext();
  }

  /** The connection is about to be a WebSocket's: HTTP ends on it, and must not close it. */
  detach(): void {
    if (this.#context !== null) outlive(this.#context);
  }

  /** The WebSocket is over that the connection was handed to. */
  left(): void {
    this.#events.kernel.closed(this.#connection);
  }

  /** Ends the connection below a WebSocket, with what waits to be written to it. */
  sever(): void {
    this.#events.kernel.cut(this.#connection);
  }

  /** Whether a cut() ends it whatever Deno waits for. */
  get canBeCut(): boolean {
    return this.#events.kernel.canCut(this.#connection);
  }

  /** Closes now, and throws away what the client has not taken. */
  cut(): void {
    if (!this.closed) this.#events.kernel.cut(this.#connection);
    this.abort();
  }

  /** Closes now; what is in flight is cut. */
  abort(): void {
    if (this.closed) return;
    this.takeKept()?.close();
    this.#http.abort();
    try {
      this.#connection.close();
    } catch {
      // Deno's HTTP owned it and has closed it.
    }
  }
}
