/** The way of a request from Deno's handler to the app: its head is read, and what must not pass is refused. */

import type { Config } from "../../config/config.ts";
import { clientName } from "../../log/method_and_path.ts";
import type { Log } from "../../log/record.ts";
import type { Field } from "../../protocol/head.ts";
import { AccessRecord, type ExchangeObserver } from "../exchange/access_record.ts";
import {
  bodyBytesHere,
  headerList,
  isBodyHere,
  repairUnixUpgrade,
  requestMethod,
  requestUrl,
} from "../../deno/request.ts";
import type { Dispatcher } from "./dispatcher.ts";
import { BODY_ALLOWANCE } from "../edge/guarded_body.ts";
import { UNIX_ORIGIN } from "../edge/peer.ts";
import { Handshake } from "../edge/handshake.ts";
import { RequestHead } from "../edge/head_check.ts";
import { redirect, REDIRECT_STATUS } from "../edge/redirect.ts";
import { type Rule, Rules } from "../edge/rules.ts";
import { refuse } from "../edge/refusal.ts";
import type { Session } from "../session/session.ts";
import type { Lifetimes } from "../session/lifetimes.ts";

/**
 * What a request may take of the connection beside its head as it is counted: fields written with more
 * space, TLS records. Session.sentAhead must not blame a client for them.
 */
const HEAD_ALLOWANCE_BYTES = { http: 16, https: 64 } as const;

type Fields = readonly Field[];

/** Where admitted requests go, and what is written down of them. */
export interface AdmissionOptions {
  readonly log: Log;
  readonly observer: ExchangeObserver | null;
  readonly dispatcher: Dispatcher;
  readonly lifetimes: Lifetimes;
}

export class Admission {
  readonly #options: AdmissionOptions;
  /** The head of the request that is being handled; the next request overwrites it. */
  readonly #head: RequestHead;
  readonly #handshake: Handshake;
  readonly #http2: boolean;

  constructor(config: Config, options: AdmissionOptions) {
    this.#options = options;
    this.#head = new RequestHead(config);
    this.#handshake = new Handshake(config.websocket_origins);
    this.#http2 = config.http2;
  }

  /** Hands a request to the app. */
  serve(
    session: Session,
    request: Request,
    info: Deno.ServeHandlerInfo,
  ): Response | Promise<Response> {
    const fields = headerList(request);
    const rule = this.#read(session, request, fields);
    const access = this.#record(session, request, fields);
    if (rule !== null) return this.#refuse(session, request, fields, rule, access);
    // Not of a refused one: Deno would wait for somebody to read it.
    if (this.#head.mayHaveBody) {
      const here = bodyBytesHere(request);
      if (here < 0) session.expectBody(this.#head.contentLength);
      else {
        session.consumed += here * BODY_ALLOWANCE;
        session.hadBody = false;
      }
    } else if (this.#head.hasBody) session.expectBody(this.#head.contentLength);
    return this.#options.dispatcher.handle(session, request, this.#head, info, access);
  }

  /** Leads a request to https. */
  redirect(session: Session, request: Request, tlsPort: number): Response {
    const fields = headerList(request);
    const rule = this.#read(session, request, fields);
    const access = this.#record(session, request, fields);
    if (rule !== null) return this.#refuse(session, request, fields, rule, access);
    const { lifetimes } = this.#options;
    lifetimes.began(session);
    lifetimes.ended(session);
    access?.end(REDIRECT_STATUS, 0, []);
    return redirect(this.#head.url, tlsPort);
  }

  #read(session: Session, request: Request, fields: Fields): Rule | null {
    const method = requestMethod(request);
    if (!this.#http2 && session.isHttp2(method, fields)) return Rules.http2;
    // Deno may have read another request from the connection before it could be closed.
    if (session.refused !== null) return session.refused;
    const head = this.#head;
    const rule = head.read(method, requestUrl(request), fields, session);
    session.hadBody = head.hasBody;
    const bytes = rule === null ? head.wireBytes : fieldBytes(fields);
    session.consumed += bytes + HEAD_ALLOWANCE_BYTES[session.scheme];
    // Behind another address stand many clients, whom one of them must not harm.
    if (head.remoteHost !== session.remoteHost) session.forwards = true;
    if (rule !== null || !head.asksSocket) return rule;
    if (session.origin === UNIX_ORIGIN) repairUnixUpgrade(request);
    session.expectUpgrade();
    return this.#handshake.check(method, fields);
  }

  #record(session: Session, request: Request, fields: Fields): AccessRecord | null {
    const { observer } = this.#options;
    if (observer === null) return null;
    const [method, url] = [requestMethod(request), requestUrl(request)];
    const { remoteHost } = this.#head;
    return new AccessRecord(
      observer,
      method,
      url,
      session.isHttp2(method, fields),
      remoteHost,
      fields,
    );
  }

  /** Refuses a request that no app is to see, and trusts nothing else on its connection. */
  #refuse(
    session: Session,
    request: Request,
    fields: Fields,
    rule: Rule,
    access: AccessRecord | null,
  ): Response {
    const { status, why, source } = rule;
    const { log, lifetimes } = this.#options;
    log.debug(`${status} to ${clientName(session.remoteHost)}: ${why} (${source})`);
    const response = refuse(status);
    access?.refused(status);
    session.hadBody = hasMoreToCome(request, fields);
    if (session.hadBody) session.expectBody(-1);
    // The reply goes out first. In HTTP/2 the other streams have nothing to do with it.
    const http2 = session.isHttp2(requestMethod(request), fields);
    if (rule === Rules.http2 || !http2) {
      session.refused = rule;
      lifetimes.close(session);
    }
    return response;
  }
}

function fieldBytes(fields: Fields): number {
  return fields.reduce((sum, [name, value]) => sum + name.length + value.length + 4, 0);
}

/** A request has a body where it has one of these (RFC 9112, 6). */
const BODY_FIELDS = /^(?:content-length|transfer-encoding)$/i;

/** Whether Deno still waits for some of the request's body. */
function hasMoreToCome(request: Request, fields: Fields): boolean {
  if (!fields.some(([name]) => BODY_FIELDS.test(name))) return false;
  return !isBodyHere(request);
}
