/** `threads: 0`: the app runs in the server thread. No queue and the least cost; no isolation. */

import { type FetchHandler, loadFetchApp, servedAddr } from "../app/fetch_app.ts";
import { readResponse } from "../app/response.ts";
import { traceOf } from "../app/trace.ts";
import type { Config } from "../config/config.ts";
import type { Log } from "../log/record.ts";
import { parseFields } from "../protocol/head.ts";
import { type AccessRecord, lengthOf } from "./access_record.ts";
import { abortRequest, createResponse, isStatic, staticBody } from "./deno_http.ts";
import type { Dispatcher, Exchanging } from "./dispatcher.ts";
import type { RequestHead } from "./edge/head_check.ts";
import { refuse } from "./refusal.ts";
import type { Session } from "./session.ts";

/** An exchange whose response the app has promised. */
interface Pending {
  readonly request: Request;
  readonly session: Session;
  readonly startedAt: number;
  readonly access: AccessRecord | null;
  readonly resolve: (response: Response) => void;
}

export class InlineDispatcher implements Dispatcher {
  readonly #config: Config;
  readonly #log: Log;
  readonly #server: Exchanging;
  readonly #timeoutMs: number;
  readonly #pending = new Set<Pending>();
  #inFlight = 0;
  #app!: FetchHandler;

  constructor(config: Config, log: Log, server: Exchanging) {
    this.#config = config;
    this.#log = log;
    this.#server = server;
    this.#timeoutMs = config.timeout > 0 ? config.timeout * 1000 : Infinity;
  }

  async load(): Promise<void> {
    const { app, bind } = this.#config;
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
    const request = head.changed ? rewritten(original, head) : original;
    const info = head.changed ? infoOf(head, originalInfo) : originalInfo;
    try {
      const returned = this.#app(request, info);
      if (returned instanceof Response) return this.#answer(session, info, returned, access);
      return this.#wait(session, request, info, returned, access);
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

  sweep(now: number): void {
    for (const pending of this.#pending) {
      if (now - pending.startedAt <= this.#timeoutMs) break; // Oldest first: the rest is younger.
      const { method, url } = pending.request;
      this.#log.warning(`No response within ${this.#config.timeout} s: ${method} ${url}`);
      this.#giveUp(pending, 504);
    }
  }

  cut(): number {
    const cut = this.#inFlight;
    for (const pending of this.#pending) this.#giveUp(pending, 503);
    return cut;
  }

  leave(): void {}

  terminate(): void {}

  #wait(
    session: Session,
    request: Request,
    info: Deno.ServeHandlerInfo,
    promised: Promise<Response>,
    access: AccessRecord | null,
  ): Promise<Response> {
    return new Promise((resolve) => {
      const pending = { request, session, startedAt: this.#server.now, access, resolve };
      this.#pending.add(pending);
      Promise.resolve(promised).then(
        (response) => {
          // Given up on: what comes late is dropped.
          if (!this.#pending.delete(pending)) return void response?.body?.cancel().catch(() => {});
          try {
            resolve(this.#answer(session, info, response, access));
          } catch (error) {
            resolve(this.#crashed(session, request, error, access));
          }
        },
        (error) => {
          if (this.#pending.delete(pending)) {
            resolve(this.#crashed(session, request, error, access));
          }
        },
      );
    });
  }

  /** Throws TypeError when it is no response. */
  #answer(
    session: Session,
    info: Deno.ServeHandlerInfo,
    returned: Response,
    access: AccessRecord | null,
  ): Response {
    let response = returned;
    if (!(response instanceof Response)) {
      const { status, header, body } = readResponse(returned);
      response = createResponse(status, parseFields(header), body);
    }
    if (this.#server.closesAfter(session)) response = closing(response);
    if (isStatic(response)) {
      access?.end(response.status, lengthOf(staticBody(response) ?? ""), fieldsOf(response));
      this.#end(session);
    } else {
      const sent = access === null ? null : counted(response);
      if (sent !== null) response = sent.response;
      const end = () => {
        access?.end(response.status, sent?.bytes() ?? 0, fieldsOf(response));
        this.#end(session);
      };
      info.completed.then(end, end);
    }
    return response;
  }

  #crashed(
    session: Session,
    request: Request,
    error: unknown,
    access: AccessRecord | null,
  ): Response {
    access?.refused(500);
    this.#log.error(`${request.method} ${request.url} failed: ${traceOf(error)}`);
    this.#end(session);
    return refuse(500);
  }

  #giveUp(pending: Pending, status: 503 | 504): void {
    if (!this.#pending.delete(pending)) return;
    abortRequest(pending.request);
    pending.resolve(refuse(status));
    pending.access?.refused(status);
    this.#end(pending.session);
  }

  #begin(session: Session): void {
    this.#inFlight++;
    this.#server.began(session);
  }

  #end(session: Session): void {
    this.#inFlight--;
    this.#server.ended(session);
  }
}

/** The fields, when they are looked at: `headers` costs a response its way past Deno's slower path. */
function fieldsOf(response: Response): Iterable<[string, string]> {
  return { [Symbol.iterator]: () => response.headers[Symbol.iterator]() };
}

/** The same response, whose streamed body is counted as it goes out. */
function counted(response: Response): { response: Response; bytes: () => number } {
  let bytes = 0;
  const counter = new TransformStream<Uint8Array, Uint8Array>({
    transform(chunk, controller) {
      bytes += chunk.byteLength;
      controller.enqueue(chunk);
    },
  });
  const { status, statusText, headers } = response;
  const body = response.body?.pipeThrough(counter) ?? null;
  return {
    response: new Response(body, { status, statusText, headers }),
    bytes: () => bytes,
  };
}

/** The same response, saying that the connection ends with it. */
function closing(response: Response): Response {
  const { status, statusText } = response;
  const headers = new Headers(response.headers);
  headers.set("connection", "close");
  return new Response(response.body, { status, statusText, headers });
}

/** The request as the app is to see it: what a trusted proxy says of it, and without dropped fields. */
function rewritten(request: Request, { url, head }: RequestHead): Request {
  // The first two lines are method and URL.
  const fields = parseFields(head, head.indexOf("\n", head.indexOf("\n") + 1) + 1);
  const { method, body, signal } = request;
  return new Request(url, { method, headers: fields, body, signal });
}

function infoOf(head: RequestHead, info: Deno.ServeHandlerInfo): Deno.ServeHandlerInfo {
  const { remoteHost: hostname, remotePort: port } = head;
  const remoteAddr: Deno.Addr = hostname === ""
    ? { transport: "unix", path: "" }
    : { transport: "tcp", hostname, port };
  return {
    remoteAddr,
    get completed() {
      return info.completed;
    },
  };
}
