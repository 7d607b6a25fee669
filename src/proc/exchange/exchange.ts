/** One request with its response, as the server sees it while a thread works on it. */

import {
  AbortReason,
  QueueIn,
  RespondFlag,
  STREAM_WINDOW_BYTES,
} from "../../protocol/queue/queue.ts";
import { type AccessRecord, lengthOf } from "./access_record.ts";
import { announcedLength } from "./announced_length.ts";
import { requestMethod } from "../../deno/request.ts";
import { createResponse } from "../../deno/response.ts";
import type { GuardedBody } from "../edge/guarded_body.ts";
import type { RequestHead } from "../edge/head_check.ts";
import { type Awaited, watchClient } from "./patience.ts";
import {
  answerNobody,
  CLIENT_GONE,
  refusalBytes,
  type RefusalStatus,
  refuse,
} from "../edge/refusal.ts";
import { ResponseStream } from "./response_stream.ts";
import type { Session } from "../session/session.ts";
import { wholeResponse } from "./whole_response.ts";
import type { AppThread } from "./app_thread.ts";

/** Static bodies above this may still be under way when the response is handed over. */
const SLOW_BODY_BYTES = 64 * 1024;

/**
 * The window of an upload that is read faster in bursts (see Session.expectChunks): when it is used
 * up it is refilled before the next one.
 */
const BURST_WINDOW_BYTES = 8 * 1024 * 1024;

/** The WebSocket that the app makes of an exchange, as it crossed the queue. */
export interface UpgradeWish {
  /** `name\nvalue\n…` for the handshake's response. */
  readonly header: string;
  /** The subprotocol that the app has chosen, or "". */
  readonly protocol: string;
  /** Seconds; 0: never. */
  readonly idleTimeout: number;
}

/** What an exchange reports to the server that owns it. */
export interface ExchangeEvents {
  /** The response is handed over (status, and the bytes of its body as far as they are known). */
  onResponded(exchange: Exchange, status: number, headers: [string, string][]): void;
  /** The app makes a WebSocket of it. */
  onUpgrade(exchange: Exchange, wish: UpgradeWish): void;
  /** It is given up for this error. */
  onFailed(exchange: Exchange, error: unknown): void;
  /** The last byte is out, or the exchange was given up. Called once. */
  onFinished(exchange: Exchange): void;
}

export class Exchange implements Awaited {
  readonly id: number;
  readonly session: Session;
  readonly request: Request;
  /** The client, as far as trusted proxies tell. */
  readonly remoteHost: string;
  readonly remotePort: number;
  /** Where a trusted proxy has mounted the app, or "". */
  readonly scriptName: string;
  /** The client asks for a WebSocket. */
  readonly asksSocket: boolean;
  readonly info: Deno.ServeHandlerInfo;
  /** When it began, and what `timeout` counts from: moved on while the request's body arrives. */
  readonly startedAt: number;
  activeAt: number;
  /** Index into the claims, or -1. */
  slot = -1;
  /** What was dispatched, as long as it may be dispatched anew to another thread. */
  whole: { readonly head: string; readonly body: Uint8Array | null } | null = null;
  thread: AppThread;
  /** The head was handed to Deno; nothing but the body can follow. */
  responded = false;
  finished = false;
  warned = false;
  watched = false;
  /** Bytes of the response's body. */
  bytesSent = 0;
  status = 0;
  responseHeaders: [string, string][] = [];
  /** What the access log is to say of it; null without one. */
  access: AccessRecord | null = null;

  readonly #events: ExchangeEvents;
  readonly #resolve: (response: Response) => void;
  #stream: ResponseStream | null = null;
  #uploadCredit = 0;
  #uploadResumesAt = 0;
  #wakeUpload: (() => void) | null = null;
  #upload: GuardedBody | null = null;

  constructor(
    id: number,
    session: Session,
    request: Request,
    head: RequestHead,
    info: Deno.ServeHandlerInfo,
    thread: AppThread,
    now: number,
    events: ExchangeEvents,
    resolve: (response: Response) => void,
  ) {
    this.id = id;
    this.session = session;
    this.request = request;
    this.remoteHost = head.remoteHost;
    this.remotePort = head.remotePort;
    this.scriptName = head.scriptName;
    this.asksSocket = head.asksSocket;
    this.info = info;
    this.thread = thread;
    this.startedAt = now;
    this.activeAt = now;
    this.#events = events;
    this.#resolve = resolve;
  }

  /** The thread has answered. `headers` becomes the response's; `body` as in protocol/queue/queue.ts. */
  respond(
    status: number,
    headers: [string, string][],
    body: string | Uint8Array | true | null,
    flags: number,
  ): void {
    try {
      this.#respondWith(status, headers, () => {
        if (body === true) {
          this.#stream = new ResponseStream(this);
          return createResponse(status, headers, this.#stream.readable);
        }
        if (body !== null) this.bytesSent = this.access === null ? body.length : lengthOf(body);
        return wholeResponse(this.session, this.info, status, headers, body);
      });
    } catch (error) {
      // Here, since a response that was held is made while something else is read.
      return this.failed(error);
    }
    if (body === true) {
      watchClient(this);
      if (flags & RespondFlag.completed) this.reportCompleted();
    } else if (flags & RespondFlag.completed || this.bytesSent > SLOW_BODY_BYTES) {
      const report = (flags & RespondFlag.completed) !== 0;
      const finish = () => this.finish();
      if (report) this.reportCompleted();
      this.info.completed.then(finish, finish);
    } else {
      this.finish();
    }
  }

  /** The app makes a WebSocket of it. */
  upgrade(wish: UpgradeWish): void {
    if (this.responded) return;
    if (this.session.hasLeft) this.clientGone();
    else this.#events.onUpgrade(this, wish);
  }

  /** The handshake of a WebSocket is answered; finish() follows when it is open, or fails. */
  switched(response: Response, headers: [string, string][]): void {
    this.#respondWith(response.status, headers, () => response);
  }

  /** Answers in the app's place, and tells the thread that nobody waits any more. */
  refuse(status: RefusalStatus, reason: number): void {
    if (this.responded) return;
    this.thread.post(QueueIn.abort, this.id, reason);
    this.#refuse(status);
    this.finish();
  }

  /** The app threw or returned no response. */
  crashed(): void {
    if (this.responded) return;
    this.#refuse(500);
    this.reportCompleted();
    this.finish();
  }

  chunk(bytes: Uint8Array): void {
    this.bytesSent += bytes.byteLength;
    this.#stream?.enqueue(bytes);
  }

  /** The streamed response is complete; it is finished once the client has taken it. */
  end(): void {
    this.#stream?.close();
  }

  /** The streamed response broke off: the client must not take it for complete. */
  fail(): void {
    this.#stream?.fail();
  }

  /** The client took `bytes` of the streamed response. */
  credit(bytes: number): void {
    this.thread.post(QueueIn.credit, this.id, bytes);
  }

  /** The client is gone: the app is told, and what it still says is dropped. */
  clientGone(): void {
    if (this.finished) return;
    // Of the response to a HEAD, Deno sends the head and cancels the stream.
    const isWhole = this.#stream !== null && (requestMethod(this.request) === "HEAD" ||
      this.bytesSent >= announcedLength(this.responseHeaders));
    this.thread.post(QueueIn.abort, this.id, isWhole ? AbortReason.whole : AbortReason.client);
    if (!this.responded) this.#respondWith(CLIENT_GONE, [], answerNobody);
    this.finish();
  }

  /** The proc stops and does not wait any longer. */
  cut(): void {
    this.#cut(503, AbortReason.stop);
  }

  /** What the thread has said of it cannot be done: it ends here, and the others go on. */
  failed(error: unknown): void {
    if (!this.finished) this.#events.onFailed(this, error);
    this.#cut(500, AbortReason.client);
  }

  #cut(status: RefusalStatus, reason: number): void {
    if (this.finished) return;
    this.thread.post(QueueIn.abort, this.id, reason);
    this.#stream?.cut();
    if (!this.responded) this.#refuse(status);
    this.finish();
  }

  /**
   * Sends the request's body to the thread as it arrives and as the app takes it; `inBursts`
   * where that is faster. Throws BodyRefusal.
   */
  async upload(
    body: GuardedBody,
    inBursts: boolean,
    onProgress: () => void,
  ): Promise<void> {
    // It may have been answered since the app asked for its body.
    if (this.finished) return this.#dropUpload(body);
    const window = inBursts ? BURST_WINDOW_BYTES : STREAM_WINDOW_BYTES;
    this.#uploadCredit = window;
    this.#uploadResumesAt = inBursts ? window * 3 / 4 : 1;
    this.#upload = body;
    try {
      for (;;) {
        const value = await body.read();
        if (this.#upload === null) return;
        if (value === null) break;
        onProgress();
        this.#uploadCredit -= value.byteLength;
        this.thread.postBytes(QueueIn.bodyChunk, this.id, value);
        if (this.#uploadCredit <= 0) await new Promise<void>((wake) => this.#wakeUpload = wake);
        if (this.#upload === null) return;
      }
      this.thread.post(QueueIn.bodyEnd, this.id);
    } finally {
      this.#upload = null;
    }
  }

  /** The app took `bytes` of the request's body. */
  uploadCredit(bytes: number): void {
    this.#uploadCredit += bytes;
    if (this.#uploadCredit < this.#uploadResumesAt) return;
    this.#wakeUpload?.();
    this.#wakeUpload = null;
  }

  /** Nothing follows any more. */
  finish(): void {
    if (this.finished) return;
    this.finished = true;
    this.access?.end(this.status, this.bytesSent, this.responseHeaders);
    if (this.#upload !== null) {
      this.#dropUpload(this.#upload);
      this.#upload = null;
      this.#wakeUpload?.();
    }
    this.#events.onFinished(this);
  }

  /**
   * Deno drains what the client still sends, or closes, and gives nothing of it to anybody. An app that
   * goes on reading when its response is complete must not wait for it.
   */
  #dropUpload(body: GuardedBody): void {
    body.cancel();
    this.thread.post(QueueIn.abort, this.id, AbortReason.answered);
  }

  #refuse(status: RefusalStatus): void {
    this.bytesSent = refusalBytes(status);
    this.#respondWith(status, [], () => refuse(status));
  }

  #respondWith(status: number, headers: [string, string][], make: () => Response): void {
    if (this.responded) return;
    this.#events.onResponded(this, status, headers);
    // It may throw: then it is still to be answered.
    const response = make();
    this.responded = true;
    this.status = status;
    this.responseHeaders = headers;
    this.#resolve(response);
  }

  /** The app waits to hear when the response is out. */
  reportCompleted(): void {
    this.info.completed.then(
      () => this.thread.post(QueueIn.completed, this.id, 1),
      () => this.thread.post(QueueIn.completed, this.id, 0),
    );
  }
}
