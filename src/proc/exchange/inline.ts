/** `threads: 0`: the app runs in the server thread. No queue and the least cost; no isolation. */

import { type FetchHandler, loadFetchApp, servedAddr } from "../../app/fetch_app.ts";
import { readResponse } from "../../app/response.ts";
import { ServeHandlerInfo } from "../../app/serve_info.ts";
import { traceOf } from "../../app/trace.ts";
import type { Config } from "../../config/config.ts";
import { streamedBody } from "../../deno/request.ts";
import { abortRequest } from "../../deno/request_abort.ts";
import { createResponse } from "../../deno/response.ts";
import { isFast } from "../../deno/response_parts.ts";
import type { Log } from "../../log/record.ts";
import { parseFields } from "../../protocol/head.ts";
import { IdTable } from "../../protocol/id_table.ts";
import { type AccessRecord, lengthOf } from "./access_record.ts";
import type { Dispatcher, Exchanging } from "./dispatcher.ts";
import { GuardedBody } from "../edge/guarded_body.ts";
import type { RequestHead } from "../edge/head_check.ts";
import { InlineUpgrades } from "../websocket/inline_socket.ts";
import { CountedStream } from "./counted_stream.ts";
import { type RefusalStatus, refuse } from "./refusal.ts";
import type { Session } from "../session/session.ts";
import { describeSlow, warningMs } from "./slowness.ts";

/** A promise older than this has its client watched, milliseconds. Most are kept sooner. */
const WATCH_CLIENT_MS = 200;

/** An exchange whose response the app has promised. */
interface Pending {
  readonly id: number;
  readonly request: Request;
  readonly session: Session;
  readonly startedAt: number;
  readonly access: AccessRecord | null;
  readonly resolve: (response: Response) => void;
  /** Whether the request's signal is listened to. */
  watched: boolean;
  /** Whether it was said that it takes long (`timeout_warning`). */
  warned: boolean;
}

export class InlineDispatcher implements Dispatcher {
  readonly #config: Config;
  readonly #log: Log;
  readonly #server: Exchanging;
  readonly #timeoutMs: number;
  readonly #warningMs: number;
  readonly #pending = new IdTable<Pending>();
  /** Those that came behind their heads. */
  readonly #bodies = new Map<Request, GuardedBody>();
  #lastId = 0;
  readonly #upgrades: InlineUpgrades;
  #inFlight = 0;
  #app!: FetchHandler;

  constructor(config: Config, log: Log, server: Exchanging) {
    this.#config = config;
    this.#log = log;
    this.#server = server;
    this.#timeoutMs = config.timeout > 0 ? config.timeout * 1000 : Infinity;
    this.#warningMs = warningMs(config);
    this.#upgrades = new InlineUpgrades(server.sockets, {
      idleTimeout: config.websocket_idle_timeout,
      writeMs: config.write_timeout > 0 ? config.write_timeout * 1000 : Infinity,
    });
  }

  async load(): Promise<void> {
    const { app, bind } = this.#config;
    Deno.upgradeWebSocket = this.#upgrades.upgrade;
    this.#app = await loadFetchApp(app, this.#log, { addr: servedAddr(bind) });
    // With threads these stay in the thread; here they would end the proc.
    addEventListener("error", (event) => {
      event.preventDefault();
      this.#log.error(`Uncaught error outside of a request: ${traceOf(event.error)}`);
    });
    addEventListener("unhandledrejection", (event) => {
      event.preventDefault();
      this.#log.error(`Unhandled rejection outside of a request: ${traceOf(event.reason)}`);
    });
  }

  handle(
    session: Session,
    original: Request,
    head: RequestHead,
    originalInfo: Deno.ServeHandlerInfo,
    access: AccessRecord | null,
  ): Response | Promise<Response> {
    this.#begin(session);
    const request = this.#shown(original, session, head);
    if (head.upgrade === "websocket") this.#upgrades.expect(request, original, session);
    const info = head.changed ? infoOf(head, originalInfo) : originalInfo;
    try {
      const returned = this.#app(request, info);
      return isPromise(returned)
        ? this.#wait(session, request, info, returned, access)
        : this.#answer(session, request, info, returned, access);
    } catch (error) {
      return this.#crashed(session, request, error, access);
    }
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  get queued(): number {
    return 0;
  }

  sweep(now: number): boolean {
    for (const pending of this.#pending.oldestFirst()) {
      const age = now - pending.startedAt;
      if (age <= WATCH_CLIENT_MS) break; // Oldest first: the rest is younger.
      if (age <= this.#timeoutMs) {
        this.#watchClient(pending);
        if (age > this.#warningMs && !pending.warned) {
          pending.warned = true;
          this.#log.warning(describeSlow(pending.request, age, this.#config));
        }
        continue;
      }
      const { method, url } = pending.request;
      this.#log.warning(`No response within ${this.#config.timeout} s: ${method} ${url}`);
      this.#giveUp(pending, 504);
    }
    return this.#inFlight > 0;
  }

  cut(): number {
    const cut = this.#inFlight;
    for (const pending of this.#pending.values()) this.#giveUp(pending, 503);
    return cut;
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  terminate(): void {}

  /** The request as the app is to see it: as trusted proxies tell, and with a body within its limits. */
  #shown(original: Request, session: Session, head: RequestHead): Request {
    const body = head.hasBody ? streamedBody(original) : null;
    if (body === null) return head.changed ? rewritten(original, head, original.body) : original;
    if (head.contentLength < 0) session.expectChunks();
    const guarded = new GuardedBody(body, this.#config, this.#server.deadlines, session);
    const request = rewritten(
      original,
      head,
      guarded.stream(({ status, message }) => {
        this.#log.debug(`${status} to ${session.remoteHost || "a unix socket"}: ${message}`);
        for (const pending of this.#pending.values()) {
          if (pending.request === request) this.#giveUp(pending, status);
        }
        this.#server.close(session, status === 413);
      }),
    );
    this.#bodies.set(request, guarded);
    return request;
  }

  #wait(
    session: Session,
    request: Request,
    info: Deno.ServeHandlerInfo,
    promised: Promise<Response>,
    access: AccessRecord | null,
  ): Promise<Response> {
    return new Promise((resolve) => {
      const startedAt = this.#server.now;
      const id = this.#lastId = this.#lastId % 0x7fffffff + 1;
      const pending = {
        id,
        request,
        session,
        startedAt,
        access,
        resolve,
        watched: false,
        warned: false,
      };
      this.#pending.set(id, pending);
      promised.then(
        (response) => {
          // Given up on: what comes late is dropped.
          if (!this.#pending.delete(pending.id)) {
            return void response?.body?.cancel().catch(() => {});
          }
          try {
            resolve(this.#answer(session, request, info, response, access));
          } catch (error) {
            resolve(this.#crashed(session, request, error, access));
          }
        },
        (error) => {
          if (this.#pending.delete(pending.id)) {
            resolve(this.#crashed(session, request, error, access));
          }
        },
      );
    });
  }

  /** Throws TypeError when it is no response. */
  #answer(
    session: Session,
    request: Request,
    info: Deno.ServeHandlerInfo,
    returned: Response,
    access: AccessRecord | null,
  ): Response {
    const closes = this.#server.closesAfter(session);
    if (access === null && !closes && returned instanceof Response && isFast(returned)) {
      // There is nothing to learn of it, or to add.
      this.#end(session, request);
      return returned;
    }
    const parts = readResponse(returned);
    const { status } = parts;
    if (status === 101) return this.#upgraded(session, request, returned, access);
    let { fields, body } = parts;
    if (closes) fields = [...fields, ["connection", "close"]];
    if (!(body instanceof ReadableStream)) {
      access?.end(status, body === null ? 0 : lengthOf(body), fields);
      this.#end(session, request);
    } else {
      const sent = new CountedStream(body, (error) => {
        this.#logFailure(request, error);
      });
      body = sent.readable;
      const end = () => {
        access?.end(status, sent.bytes, fields);
        this.#end(session, request);
      };
      info.completed.then(end, end);
    }
    return createResponse(status, fields, body);
  }

  /** A WebSocket of Deno's own: the response is what Deno.upgradeWebSocket made, untouched. */
  #upgraded(
    session: Session,
    request: Request,
    response: Response,
    access: AccessRecord | null,
  ): Response {
    // Until it is open the connection belongs to Deno's HTTP, and is in use.
    this.#upgrades.opening(response).then(() => {
      access?.end(101, 0, []);
      this.#end(session, request);
    });
    session.detach();
    return response;
  }

  #crashed(
    session: Session,
    request: Request,
    error: unknown,
    access: AccessRecord | null,
  ): Response {
    access?.refused(500);
    this.#logFailure(request, error);
    this.#end(session, request);
    return refuse(500);
  }

  /** Without the query, as in threads: it may hold what no log should. */
  #logFailure({ method, url }: Request, error: unknown): void {
    this.#log.error(`${method} ${new URL(url).pathname} failed: ${traceOf(error)}`);
  }

  #giveUp(pending: Pending, status: RefusalStatus): void {
    if (!this.#pending.delete(pending.id)) return;
    abortRequest(pending.request);
    pending.resolve(refuse(status));
    pending.access?.refused(status);
    this.#end(pending.session, pending.request);
  }

  /** The client's going away ends the exchange: its signal aborts, and its answer is dropped. */
  #watchClient(pending: Pending): void {
    if (pending.watched) return;
    pending.watched = true;
    const gone = () => {
      if (!this.#pending.delete(pending.id)) return;
      pending.access?.end(499, 0, []);
      pending.resolve(createResponse(499, [], null));
      this.#end(pending.session, pending.request);
    };
    const { signal } = pending.request;
    if (signal.aborted) gone();
    else signal.addEventListener("abort", gone, { once: true });
  }

  #begin(session: Session): void {
    this.#inFlight++;
    this.#server.began(session);
  }

  #end(session: Session, request: Request): void {
    this.#inFlight--;
    if (this.#bodies.size > 0) {
      this.#bodies.get(request)?.abandon();
      this.#bodies.delete(request);
    }
    this.#server.ended(session);
  }
}

function isPromise(value: Response | Promise<Response>): value is Promise<Response> {
  return typeof (value as Promise<Response> | null)?.then === "function";
}

/** The request with what its head says, and this body. */
function rewritten(
  request: Request,
  { url, head, upgrade }: RequestHead,
  body: ReadableStream<Uint8Array<ArrayBuffer>> | null,
): Request {
  // The first two lines are method and URL.
  const fields = parseFields(head, head.indexOf("\n", head.indexOf("\n") + 1) + 1);
  if (upgrade !== "") {
    // Deno.upgradeWebSocket() takes Deno's own request alone.
    return Object.defineProperties(request, {
      url: { value: url },
      headers: { value: new Headers(fields), configurable: true },
    });
  }
  const { method, signal } = request;
  return new Request(url, { method, headers: fields, body, signal });
}

function infoOf(head: RequestHead, info: Deno.ServeHandlerInfo): Deno.ServeHandlerInfo {
  const { remoteHost: hostname, remotePort: port } = head;
  const remoteAddr: Deno.Addr = hostname === ""
    ? { transport: "unix", path: "" }
    : { transport: "tcp", hostname, port };
  const source = {
    remoteAddr,
    get completed() {
      return info.completed;
    },
  };
  return new ServeHandlerInfo(source) as Deno.ServeHandlerInfo;
}
