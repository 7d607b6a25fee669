/**
 * One request with its response while the app works on it in the server thread: from the call of the
 * app to the last byte. What the app answers at once and whole needs none; see InlineDispatcher.
 */

import type { FetchHandler } from "../../app/fetch_handler.ts";
import { traceOf } from "../../app/trace.ts";
import type { Config } from "../../config/config.ts";
import { abortRequest } from "../../deno/request_abort.ts";
import { createResponse } from "../../deno/response.ts";
import { fastBytes, type ResponseParts } from "../../deno/response_parts.ts";
import { clientName, methodAndPath } from "../../log/method_and_path.ts";
import type { Log } from "../../log/record.ts";
import { bodyCame } from "../../os/memory/young_garbage.ts";
import type { IdTable } from "../../protocol/id_table.ts";
import { BodyRefusal, GuardedBody } from "../edge/guarded_body.ts";
import type { RequestHead } from "../edge/head_check.ts";
import type { Session } from "../session/session.ts";
import type { InlineUpgrades } from "../websocket/inline_socket.ts";
import { type AccessRecord, lengthOf } from "./access_record.ts";
import { announcedLength } from "./announced_length.ts";
import { CountedStream } from "./counted_stream.ts";
import type { Exchanging } from "./exchanging.ts";
import { isFastResponse, isPromise, partsOf } from "./inline_response.ts";
import type { Awaited } from "./patience.ts";
import {
  answerNobody,
  CLIENT_GONE,
  refusalBytes,
  type RefusalStatus,
  refuse,
} from "../edge/refusal.ts";
import { shownInfo, shownRequest } from "./shown_request.ts";
import { wholeResponse } from "./whole_response.ts";

/** How often it is looked whether a client has taken its response, milliseconds. */
const TAKEN_LOOK_MS = 500;

/** What all inline exchanges have in common. */
export interface InlineHost {
  readonly config: Config;
  readonly log: Log;
  readonly server: Exchanging;
  readonly upgrades: InlineUpgrades;
  /** Those whose response the app has promised. */
  readonly waiting: IdTable<InlineExchange>;
  /** The last byte is out, or the exchange was given up. */
  onEnded(session: Session): void;
}

export class InlineExchange implements Awaited {
  readonly id: number;
  readonly session: Session;
  /** As the app sees it. */
  request: Request;
  activeAt: number;
  warned = false;
  watched = false;

  readonly #host: InlineHost;
  readonly #info: Deno.ServeHandlerInfo;
  readonly #access: AccessRecord | null;
  /** The app has answered with a WebSocket. */
  #switched = false;
  /** The request's body, where it comes behind its head. */
  #body: GuardedBody | null = null;
  /** Set as long as the app has promised a response, and nobody else has given it. */
  #resolve: ((response: Response) => void) | null = null;

  constructor(
    id: number,
    session: Session,
    request: Request,
    info: Deno.ServeHandlerInfo,
    access: AccessRecord | null,
    host: InlineHost,
  ) {
    this.id = id;
    this.session = session;
    this.request = request;
    this.#info = info;
    this.#access = access;
    this.#host = host;
    this.activeAt = host.server.now;
  }

  get responded(): boolean {
    return this.#resolve === null;
  }

  /** Calls the app with the request as its head tells, and with a body that keeps to its limits. */
  run(
    app: FetchHandler,
    head: RequestHead,
    body: ReadableStream<Uint8Array> | null,
  ): Response | Promise<Response> {
    const original = this.request;
    try {
      if (body !== null) this.request = shownRequest(original, head, this.#guard(body, head));
      else if (head.changed) {
        this.request = shownRequest(original, head, head.mayHaveBody ? original.body : null);
      }
      const { request } = this;
      if (head.asksSocket) this.#host.upgrades.expect(request, original, this.session);
      const returned = app(request, head.changed ? shownInfo(head, this.#info) : this.#info);
      return isPromise(returned) ? this.wait(returned) : this.#answer(returned);
    } catch (error) {
      return head.asksSocket ? this.#failed(error) : this.crash(error);
    }
  }

  /** The app has promised a response. Never rejects. */
  wait(promised: Promise<Response>): Promise<Response> {
    this.#host.waiting.set(this.id, this);
    return new Promise((resolve) => {
      this.#resolve = resolve;
      // The same promise, unless it is one of another kind, whose then() may do whatever it likes.
      Promise.resolve(promised)
        .then((response) => this.#kept(response), (error) => this.#broken(error));
    });
  }

  /** Sends a response that is not over with the app's call. Throws TypeError. */
  respond({ status, fields, body }: ResponseParts, returned: Response): Response {
    if (status === 101) return this.#upgrade(returned);
    if (body instanceof ReadableStream) return this.#stream(status, fields, body);
    const response = wholeResponse(this.session, this.#info, status, fields, body);
    this.#end(status, this.#access === null || body === null ? 0 : lengthOf(body), fields);
    return response;
  }

  /** The app threw, or returned no response. */
  crash(error: unknown): Response {
    this.#logFailure(error);
    return this.#refuse(500);
  }

  /** Answers in the app's place, where it has not answered yet: its signal aborts. */
  giveUp(status: RefusalStatus): void {
    const resolve = this.#claim();
    if (resolve === null) return;
    abortRequest(this.request);
    resolve(this.#refuse(status));
  }

  /** The client is gone: what the app has promised is dropped. */
  clientGone(): void {
    const resolve = this.#claim();
    if (resolve === null) return;
    resolve(this.#nobody());
  }

  #kept(response: Response): void {
    const resolve = this.#claim();
    // Given up: what comes late is let go.
    if (resolve === null) return void response?.body?.cancel().catch(() => {});
    try {
      resolve(this.#answer(response));
    } catch (error) {
      resolve(this.#failed(error));
    }
  }

  #broken(error: unknown): void {
    this.#claim()?.(this.#failed(error));
  }

  /** An app that fails because its client has left, which it may hear of before us, is not to blame. */
  #failed(error: unknown): Response {
    return this.request.signal.aborted ? this.#nobody() : this.crash(error);
  }

  /** What the promised response is to be given to; once, and null where that was done. */
  #claim(): ((response: Response) => void) | null {
    const resolve = this.#resolve;
    this.#resolve = null;
    if (resolve !== null) this.#host.waiting.delete(this.id);
    return resolve;
  }

  /** Throws TypeError when it is no response. */
  #answer(returned: Response): Response {
    const closes = this.#host.server.closesAfter(this.session);
    if (this.#access !== null || closes || !isFastResponse(returned, this.session)) {
      return this.respond(partsOf(returned, this.session, closes), returned);
    }
    bodyCame(fastBytes(returned));
    this.#finish();
    return returned;
  }

  #stream(
    status: number,
    fields: [string, string][],
    body: ReadableStream<Uint8Array>,
  ): Response {
    const sent = new CountedStream(body, {
      onError: (error) => {
        // One that is made of the request's body ends with it; the log has been told.
        if (!(error instanceof BodyRefusal)) this.#logFailure(error);
      },
      // With TLS Deno tells a client's going of HTTP/1 by nothing else. Of a HEAD it takes no body.
      onCancel: () => {
        const isWhole = sent.bytes >= announcedLength(fields);
        if (!isWhole && this.request.method !== "HEAD") abortRequest(this.request);
      },
    });
    const response = createResponse(status, fields, sent.readable);
    const end = () => {
      // Some of HTTP/2 that their client has reset Deno does not cancel.
      sent.over();
      if (!this.session.http2 && this.#body?.leave()) cancelWhenTaken(this.#body, this.session);
      this.#end(status, sent.bytes, fields);
    };
    this.#info.completed.then(end, end);
    return response;
  }

  /** A WebSocket of Deno's own: the response is what Deno.upgradeWebSocket made, untouched. */
  #upgrade(response: Response): Response {
    this.#switched = true;
    // Until it is open the connection belongs to Deno's HTTP, and is in use.
    this.#host.upgrades.opening(response).then(() => this.#end(101, 0, []));
    this.session.detach();
    return response;
  }

  /** The body within its limits. Beyond them the exchange is given up, and with it the connection. */
  #guard(
    body: ReadableStream<Uint8Array>,
    { contentLength }: RequestHead,
  ): ReadableStream<Uint8Array<ArrayBuffer>> {
    const { config, log, server } = this.#host;
    const { session } = this;
    if (contentLength < 0) session.expectChunks();
    this.#body = new GuardedBody(body, config, server.deadlines, session);
    return this.#body.stream({
      onProgress: () => {
        this.activeAt = server.now;
      },
      onRefused: ({ status, message }) => {
        log.debug(`${status} to ${clientName(session.remoteHost)}: ${message}`);
        this.giveUp(status);
        server.close(session, status === 413);
      },
    });
  }

  /** What is answered where nobody listens any more. */
  #nobody(): Response {
    this.#end(CLIENT_GONE, 0, []);
    return answerNobody();
  }

  #refuse(status: RefusalStatus): Response {
    this.#end(status, refusalBytes(status), []);
    return refuse(status);
  }

  /** The last byte is out, or it was given up. */
  #end(status: number, bytes: number, fields: [string, string][]): void {
    this.#access?.end(status, bytes, fields);
    this.#finish();
  }

  #finish(): void {
    this.#body?.abandon();
    this.#host.onEnded(this.session);
    if (!this.#switched && this.#host.upgrades.isTaken(this.request)) this.#cutTaken();
  }

  /** Deno has given the connection to the WebSocket, and sends nothing: its client would wait for good. */
  #cutTaken(): void {
    this.#host.log.error(
      `${methodAndPath(this.request)}: the app upgraded the request, and did not return the ` +
        "response that Deno.upgradeWebSocket gave it: its client is cut off",
    );
    this.session.cut();
  }

  #logFailure(error: unknown): void {
    this.#host.log.error(`${methodAndPath(this.request)} failed: ${traceOf(error)}`);
  }
}

/** Gives up the rest of a request's body when its client has taken the response, or the connection is over. */
function cancelWhenTaken(body: GuardedBody, session: Session): void {
  setTimeout(() => {
    // A client that takes nothing any more is the session's to cut, after `write_timeout`.
    if (session.closed || session.stuckFor(performance.now()) < 0) body.cancel();
    else cancelWhenTaken(body, session);
  }, TAKEN_LOOK_MS);
}
