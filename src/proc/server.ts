/** The I/O thread of a proc: accepts connections, keeps sessions, hands exchanges to the app. */

import type { Bind, Config } from "../config/config.ts";
import { type AccessLog, openAccessLog } from "../log/access_log.ts";
import type { Log } from "../log/record.ts";
import type { DrainReason, ProcStats, SteeringPlan } from "../protocol/control.ts";
import type { Field } from "../protocol/head.ts";
import { AccessRecord } from "./access_record.ts";
import type { Dispatcher, Exchanging } from "./dispatcher.ts";
import { headerList, requestMethod, requestUrl } from "./deno_http.ts";
import { type Deadlines, SLOT_MS } from "./edge/deadlines.ts";
import { Handshake } from "./edge/handshake.ts";
import { RequestHead } from "./edge/head_check.ts";
import type { Rule } from "./edge/rules.ts";
import { InlineDispatcher } from "./inline.ts";
import { Listener } from "./listener.ts";
import { openListener } from "./open_listener.ts";
import { refuse } from "./refusal.ts";
import type { Session } from "./session.ts";
import { Sessions } from "./sessions.ts";
import { ThreadedDispatcher } from "./threaded.ts";
import { WebSockets } from "./websockets.ts";

/** A draining proc leaves an idle connection open for this long: a request may be on its way. */
const IDLE_WHILE_DRAINING_MS = 1_000;
/** How often a drain looks whether all is done, milliseconds. */
const DRAIN_POLL_MS = 20;

type Fields = readonly Field[];

/** A request has a body where it has one of these (RFC 9112, 6). */
const BODY_FIELDS = /^(?:content-length|transfer-encoding)$/i;

export interface ServerEvents {
  /** The proc ought to be replaced: a thread hangs (`hung`), died, or the app wants to exit. */
  onReplaceMe(why: string, hung: boolean): void;
  /** Every listening socket is closed: no connection comes any more. */
  onUnlistened(): void;
}

export interface ServerOptions {
  /** The proc's number, from 1; 0 without a manager. */
  readonly id: number;
  readonly log: Log;
  readonly events: ServerEvents;
  /** Share the port with other procs. */
  readonly reusePort: boolean;
}

export class Server implements Exchanging {
  draining = false;
  readonly sockets = new WebSockets(this);

  readonly #config: Config;
  readonly #log: Log;
  readonly #options: ServerOptions;
  readonly #sessions: Sessions;
  /** The head of the request that is being handled; the next request overwrites it. */
  readonly #head: RequestHead;
  readonly #handshake: Handshake;
  #dispatcher!: Dispatcher;
  readonly #listeners: Listener[] = [];
  #unlistened = false;
  #requests = 0;
  #accessLog: AccessLog | null = null;
  #sweeper: ReturnType<typeof setInterval> | null = null;
  #drain: Promise<{ cut: number }> | null = null;

  constructor(config: Config, options: ServerOptions) {
    this.#config = config;
    this.#options = options;
    this.#log = options.log;
    this.#sessions = new Sessions(config, options.log, this.#handle);
    this.#head = new RequestHead(config);
    this.#handshake = new Handshake(config.websocket_origins);
  }

  /** Starts the threads and loads the app in each. Throws AppLoadError, BootError or SystemError. */
  async load(): Promise<void> {
    const { id } = this.#options;
    this.#accessLog = openAccessLog(this.#config, this.#log);
    this.#dispatcher = this.#config.threads === 0
      ? new InlineDispatcher(this.#config, this.#log, this)
      : new ThreadedDispatcher(this.#config, `proc ${id}`, this.#log, this);
    await this.#dispatcher.load();
  }

  /** Binds and accepts. Throws SystemError. */
  async listen(): Promise<void> {
    const { reusePort } = this.#options;
    for (const bind of this.#config.bind) {
      const opened = await openListener(bind, { reusePort, config: this.#config });
      this.#listeners.push(new Listener(bind, opened, this.#log, this.#accepted));
    }
    for (const listener of this.#listeners) listener.run();
  }

  /** Where it listens, as it turned out: port 0 settled, descriptors named. */
  get addresses(): Bind[] {
    return this.#listeners.map((listener) => listener.address);
  }

  /** Steers the new connections of all procs at one of the binds. Throws LibcError. */
  steer(bind: string, plan: SteeringPlan): void {
    for (const listener of this.#listeners) if (listener.name === bind) listener.steer(plan);
  }

  /**
   * Leaves without losing a request: goes on accepting for `lingerMs`, answers with
   * `Connection: close`, lets exchanges finish, closes what idles, and cuts what is left after
   * `gracefulMs`. Returns how many exchanges were cut. Called twice, it is the same drain.
   */
  drain(reason: DrainReason, lingerMs: number, gracefulMs: number): Promise<{ cut: number }> {
    return this.#drain ??= this.#leave(reason, lingerMs, gracefulMs);
  }

  /** Ends at once. */
  stop(): void {
    this.#close();
    this.#dispatcher?.cut();
    this.#sessions.abort();
    this.sockets.drop();
    this.#dispatcher?.terminate();
    this.#stopSweeping();
  }

  stats(): ProcStats {
    return {
      requests: this.#requests,
      in_flight: this.#dispatcher?.inFlight ?? 0,
      queued: this.#dispatcher?.queued ?? 0,
      sessions: this.#sessions.size + this.sockets.size,
      rss: Deno.memoryUsage().rss,
    };
  }

  reopenLogs(): void {
    this.#accessLog?.reopen();
  }

  /** Writes what the access log still holds: last thing before the process ends. */
  async closeLogs(): Promise<void> {
    await this.#accessLog?.close();
  }

  get now(): number {
    return this.#sessions.now;
  }

  get deadlines(): Deadlines {
    return this.#sessions.deadlines;
  }

  close(session: Session, patient = true): void {
    this.#sessions.close(session, patient);
  }

  closesAfter(session: Session): boolean {
    return this.draining || this.#sessions.closesAfter(session);
  }

  began(session: Session): void {
    this.#requests++;
    this.#sessions.began(session);
  }

  ended(session: Session): void {
    this.#sessions.ended(session);
    if (this.draining && session.inFlight === 0) this.#sessions.close(session);
  }

  replaceMe(why: string, hung: boolean): void {
    this.#options.events.onReplaceMe(why, hung);
  }

  readonly #accepted = (connection: Deno.Conn): void => {
    this.#startSweeping();
    this.#sessions.accept(connection);
  };

  readonly #handle = (
    session: Session,
    request: Request,
    info: Deno.ServeHandlerInfo,
  ): Response | Promise<Response> => {
    const fields = headerList(request);
    const head = this.#head;
    const method = requestMethod(request);
    const rule = head.read(method, requestUrl(request), fields, session) ??
      (head.upgrade === "websocket" ? this.#handshake.check(method, fields) : null);
    session.hadBody = head.hasBody;
    const access = this.#accessLog === null
      ? null
      : this.#recordOf(this.#accessLog, session, request, fields);
    if (rule !== null) return this.#refuse(session, fields, rule, access);
    return this.#dispatcher.handle(session, request, head, info, access);
  };

  #recordOf(log: AccessLog, session: Session, request: Request, fields: Fields): AccessRecord {
    const [method, url] = [requestMethod(request), requestUrl(request)];
    const { remoteHost } = this.#head;
    return new AccessRecord(log, method, url, session.isHttp2(fields), remoteHost, fields);
  }

  /** Refuses a request that no app is to see, and trusts nothing else on its connection. */
  #refuse(
    session: Session,
    fields: Fields,
    rule: Rule,
    access: AccessRecord | null,
  ): Response {
    const { status, why, source } = rule;
    this.#log.debug(`${status} to ${session.remoteHost || "a unix socket"}: ${why} (${source})`);
    const response = refuse(status);
    access?.refused(status);
    // The head may have been refused before its length was read.
    session.hadBody = fields.some(([name]) => BODY_FIELDS.test(name));
    // The reply goes out first. In HTTP/2 the other streams have nothing to do with it.
    if (!session.isHttp2(fields)) this.#sessions.close(session);
    return response;
  }

  async #leave(
    reason: DrainReason,
    lingerMs: number,
    gracefulMs: number,
  ): Promise<{ cut: number }> {
    const deadline = performance.now() + gracefulMs;
    this.draining = true;
    const linger = Math.min(lingerMs, gracefulMs);
    const last = reason === "stop";
    await Promise.all(this.#listeners.map((listener) => listener.leave(linger, last)));
    this.#close();
    this.#dispatcher.leave();
    this.sockets.leave(reason);
    const left = performance.now();
    // Polled rather than told: it runs once in a proc's life, and there is nothing to miss.
    while (this.#sessions.size + this.sockets.size > 0 && performance.now() < deadline) {
      for (const session of this.#sessions) {
        const idleFrom = Math.max(session.idleSince, left);
        const idle = session.inFlight === 0;
        if (idle && performance.now() - idleFrom > IDLE_WHILE_DRAINING_MS) session.shutdown();
      }
      await sleep(DRAIN_POLL_MS);
    }
    const cut = this.#dispatcher.cut() + this.sockets.size;
    this.#sessions.abort();
    this.sockets.drop();
    this.#dispatcher.terminate();
    this.#stopSweeping();
    return { cut };
  }

  #close(): void {
    if (this.#unlistened) return;
    this.#unlistened = true;
    for (const listener of this.#listeners) listener.close();
    this.#options.events.onUnlistened();
  }

  #startSweeping(): void {
    if (this.#sweeper !== null) return;
    this.#sessions.now = performance.now();
    this.#sweeper = setInterval(() => this.#sweep(), SLOT_MS);
  }

  /** No timer stands while there is nothing to watch: an idle proc costs nothing. */
  #stopSweeping(): void {
    if (this.#sweeper !== null) clearInterval(this.#sweeper);
    this.#sweeper = null;
  }

  #sweep(): void {
    const now = performance.now();
    this.#sessions.turn(now);
    const busy = this.#dispatcher.sweep(now);
    this.sockets.sweep(now);
    if (!busy && this.#sessions.size + this.sockets.size === 0) this.#stopSweeping();
  }
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
