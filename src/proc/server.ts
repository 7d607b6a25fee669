/** The I/O thread of a proc: accepts connections, keeps sessions, hands exchanges to the app. */

import type { Bind, Config } from "../config/config.ts";
import { type AccessLog, openAccessLog } from "../log/access_log.ts";
import type { Log } from "../log/record.ts";
import { keepFreedMemory } from "../os/memory/heap.ts";
import type {
  DrainReason,
  ProcStats,
  ReplaceCause,
  SteeringPlan,
} from "../protocol/control/control.ts";
import { withThreadPermissions } from "./app_permissions.ts";
import { BlockWatch } from "./block_watch.ts";
import { Admission } from "./dispatch/admission.ts";
import { type ExchangeObserver, observers } from "./exchange/access_record.ts";
import type { Dispatcher } from "./dispatch/dispatcher.ts";
import { finish, sayFarewell } from "./drain.ts";
import type { Exchanging } from "./exchange/exchanging.ts";
import { type Deadlines, SLOT_MS } from "./edge/deadlines.ts";
import { InlineDispatcher } from "./dispatch/inline.ts";
import type { TakeConnection } from "./listen/listener.ts";
import { Listeners } from "./listen/listeners.ts";
import { Room } from "./room.ts";
import { sleep } from "./sleep.ts";
import { Lifetimes } from "./session/lifetimes.ts";
import type { Session, SessionHandler } from "./session/session.ts";
import { Sessions } from "./session/sessions.ts";
import { ThreadedDispatcher } from "./dispatch/threaded.ts";
import { WebSockets } from "./websocket/websockets.ts";

/**
 * So long may the app take at its end (Python's threads, executors and atexit), milliseconds, where less
 * is left of `graceful_timeout`.
 */
const APP_CLOSE_MS = 2_000;
/** And so long where something had to be cut: its thread may never end, and the manager's patience does. */
const APP_CLOSE_AFTER_CUT_MS = 500;

export interface ServerEvents {
  /** The proc ought to be replaced: a thread hangs or died, or the app wants to exit. */
  onReplaceMe(why: string, cause: ReplaceCause): void;
  /** No thread is free to begin anything, or one is again. */
  onBlocked(blocked: boolean): void;
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
  readonly sockets: WebSockets;

  readonly #config: Config;
  readonly #log: Log;
  readonly #options: ServerOptions;
  readonly #lifetimes: Lifetimes;
  readonly #sessions: Sessions;
  readonly #listeners: Listeners;
  #admission!: Admission;
  #dispatcher!: Dispatcher;
  #loaded = false;
  /** Null where there is no other proc that new connections could go to. */
  #blockWatch: BlockWatch | null = null;
  #unlistened = false;
  #requests = 0;
  #accessLog: AccessLog | null = null;
  #sweeper: ReturnType<typeof setInterval> | null = null;
  #bound: Promise<void> | null = null;
  #drain: Promise<void> | null = null;

  constructor(config: Config, options: ServerOptions) {
    this.#config = config;
    this.#options = options;
    this.#log = options.log;
    const room = new Room(config.max_connections, () => this.#connections);
    const onLeft = () => room.left();
    this.sockets = new WebSockets(this, onLeft);
    const { log } = options;
    this.#lifetimes = new Lifetimes(config, log);
    this.#sessions = new Sessions(config, { log, lifetimes: this.#lifetimes, onLeft });
    // A proc that becomes another user has its manager look for a new certificate: it may read it.
    const tls_watch = config.tls_watch && (options.id === 0 || config.user === null);
    this.#listeners = new Listeners({ ...config, tls_watch }, { log, room }, {
      onConnection: this.#accepted,
      onPlainConnection: this.#redirected,
    });
  }

  /**
   * Takes what only the user who started the process may have: the key of the certificate, and
   * (`bind`, where no manager does it) the addresses. Throws SystemError.
   */
  async prepare({ bind = false }: { bind?: boolean } = {}): Promise<void> {
    this.#listeners.prepare();
    if (bind) await this.#bind();
  }

  /**
   * Starts the threads and loads the app in each. Throws AppLoadError, BootError or SystemError.
   *
   * @param observer Told of every exchange, beside the access log.
   */
  async load(observer: ExchangeObserver | null = null): Promise<void> {
    const { id } = this.#options;
    keepFreedMemory();
    this.#accessLog = openAccessLog(this.#config, this.#log);
    const config = await withThreadPermissions(this.#config);
    this.#dispatcher = config.threads === 0 && config.interface === "fetch"
      ? new InlineDispatcher(config, this.#log, this)
      : new ThreadedDispatcher(config, `proc ${id}`, this.#log, this);
    this.#admission = new Admission(this.#config, {
      log: this.#log,
      observer: observers([this.#accessLog, observer]),
      dispatcher: this.#dispatcher,
      lifetimes: this.#lifetimes,
    });
    if (id > 0 && this.#config.steering === "load") {
      this.#blockWatch = new BlockWatch(this.#dispatcher, this.#blocked);
    }
    await this.#dispatcher.load();
    this.#loaded = true;
  }

  /** Accepts connections, on addresses that it binds now unless it has. Throws SystemError. */
  async listen(): Promise<void> {
    await this.#bind();
    this.#listeners.run();
  }

  #bind(): Promise<void> {
    return this.#bound ??= this.#listeners.open(this.#options.reusePort);
  }

  /** Takes a new certificate for the connections to come; see Listeners. */
  renewCertificate(): void {
    this.#listeners.renewCertificate();
  }

  /** Where it listens, as it turned out: port 0 settled, descriptors named. */
  get addresses(): Bind[] {
    return this.#listeners.addresses;
  }

  /** Steers the new connections of all procs at one of the binds. Throws LibcError. */
  steer(bind: string, plan: SteeringPlan): void {
    this.#listeners.steer(bind, plan);
  }

  /**
   * Leaves without losing a request: goes on accepting for `lingerMs`, answers with
   * `Connection: close`, lets exchanges finish, closes what idles, and after `graceful_timeout` cuts
   * what is left, and says how much that was. Called twice, it is the same drain.
   */
  drain(reason: DrainReason, lingerMs: number): Promise<void> {
    return this.#drain ??= this.#leave(reason, lingerMs);
  }

  /** Ends at once: what is in flight is cut. The app has a moment for its own end. */
  async stop(): Promise<void> {
    this.#close();
    this.#dispatcher?.cut();
    this.#sessions.abort();
    this.sockets.drop();
    await this.#endApp(APP_CLOSE_AFTER_CUT_MS);
  }

  stats(): ProcStats {
    return {
      requests: this.#requests,
      in_flight: this.#dispatcher?.inFlight ?? 0,
      queued: this.#dispatcher?.queued ?? 0,
      sessions: this.#connections,
      rss: Deno.memoryUsage().rss,
    };
  }

  get #connections(): number {
    return this.#sessions.size + this.sockets.size;
  }

  reopenLogs(): void {
    this.#accessLog?.reopen();
  }

  /** Writes what the access log still holds: last thing before the process ends. */
  async closeLogs(): Promise<void> {
    await this.#accessLog?.close();
  }

  get now(): number {
    return this.#lifetimes.now;
  }

  get deadlines(): Deadlines {
    return this.#lifetimes.deadlines;
  }

  close(session: Session, patient = true): void {
    this.#lifetimes.close(session, patient);
  }

  closesAfter(session: Session): boolean {
    return session.told ||= this.draining || this.#lifetimes.closesAfter(session);
  }

  began(session: Session): void {
    this.#requests++;
    this.#lifetimes.began(session);
    this.#blockWatch?.start();
  }

  ended(session: Session): void {
    this.#lifetimes.ended(session);
    // Who was not told, because the drain began behind the head, may have sent the next request: such a
    // connection goes as one that idles. HTTP/2 tells by itself.
    const told = session.told || session.http2;
    if (this.draining && told && session.inFlight === 0) this.#lifetimes.close(session);
  }

  replaceMe(why: string, cause: ReplaceCause): void {
    this.#options.events.onReplaceMe(why, cause);
  }

  readonly #blocked = (blocked: boolean): void => {
    this.#listeners.hold(blocked);
    this.#log.debug(blocked ? "No thread of the app is free" : "A thread of the app is free again");
    this.#options.events.onBlocked(blocked);
  };

  readonly #serve: SessionHandler = (session, request, info) =>
    this.#admission.serve(session, request, info);

  readonly #accepted: TakeConnection = (connection) => {
    this.#startSweeping();
    return this.#sessions.accept(connection, this.#serve);
  };

  readonly #redirected: TakeConnection = (connection) => {
    this.#startSweeping();
    return this.#sessions.accept(
      connection,
      (session, request) => this.#admission.redirect(session, request, this.#listeners.tlsPort),
    );
  };

  async #leave(reason: DrainReason, lingerMs: number): Promise<void> {
    const gracefulMs = this.#config.graceful_timeout * 1000;
    const deadline = performance.now() + gracefulMs;
    this.draining = true;
    await this.#listeners.leave(Math.min(lingerMs, gracefulMs), reason === "stop");
    this.#close();
    this.sockets.leave(reason);
    const [sessions, sockets] = [this.#sessions, this.sockets];
    const cut = await finish({ sessions, sockets, dispatcher: this.#dispatcher }, deadline);
    if (cut > 0) {
      const limit = `graceful_timeout (${this.#config.graceful_timeout} s)`;
      this.#log.warning(`${cut} exchanges were not finished within ${limit} and are cut`);
    }
    await sayFarewell(sessions);
    sessions.abort();
    sockets.drop();
    const patience = cut === 0
      ? Math.max(APP_CLOSE_MS, Math.floor(deadline - performance.now()))
      : APP_CLOSE_AFTER_CUT_MS;
    await this.#endApp(patience);
  }

  /** Also where it ends already: a stop does not wait for as long as a drain. */
  async #endApp(patienceMs: number): Promise<void> {
    if (this.#loaded) {
      await Promise.race([this.#dispatcher.close(patienceMs), sleep(patienceMs)]);
    }
    this.#dispatcher?.terminate();
    this.#stopSweeping();
  }

  #close(): void {
    if (this.#unlistened) return;
    this.#unlistened = true;
    this.#blockWatch?.stop();
    this.#listeners.close();
    this.#options.events.onUnlistened();
  }

  #startSweeping(): void {
    if (this.#sweeper !== null) return;
    this.#lifetimes.now = performance.now();
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
    // A callback of a WebSocket may hold a thread up as well.
    if (this.#dispatcher.isOccupied) this.#blockWatch?.start();
    if (!busy && this.#connections + this.#sessions.lingering === 0) this.#stopSweeping();
  }
}
