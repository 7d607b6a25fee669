/** The solo process (`workers: 0`): it has no manager, serves, and stops when told. */

import type { Config } from "../config/config.ts";
import { BootError, ExitCode } from "../errors.ts";
import { HookThread } from "../hooks/hook_thread.ts";
import type { ManagerInfo } from "../hooks/hooks.ts";
import { whatServes } from "../log/banner.ts";
import type { Log } from "../log/record.ts";
import type { NotifySocket } from "../os/sockets/notify_socket.ts";
import { Pidfile } from "../os/process/pidfile.ts";
import type { ReplaceCause } from "../protocol/control/control.ts";
import { takeIdentity } from "./identity.ts";
import { guardInherited } from "./listen/open_listener.ts";
import { RequestHooks } from "./exchange/request_hooks.ts";
import { Server } from "./server.ts";
import { listenToSignals } from "./signals.ts";
import { surviveUncaughtErrors } from "../log/uncaught.ts";

export interface SoloOptions {
  /** Says what runs where. */
  readonly announce: (config: Config) => void;
  /** To systemd; null where nobody wants to be told anything. */
  readonly notify: NotifySocket | null;
  /** Opens the error log anew (USR1). */
  readonly reopenLog: () => void;
}

/** Returns when it was told to stop and has. Throws what kept it from serving, or made it give up. */
export async function runSolo(
  config: Config,
  log: Log,
  options: SoloOptions,
): Promise<ExitCode> {
  guardInherited(config);
  for (const [name, value] of Object.entries(config.env)) Deno.env.set(name, value);
  surviveUncaughtErrors(log);
  await new Solo(config, log, options).run();
  return ExitCode.ok;
}

class Solo {
  readonly #config: Config;
  readonly #log: Log;
  readonly #options: SoloOptions;
  readonly #server: Server;
  readonly #info = { id: 0, pid: Deno.pid };
  readonly #over = Promise.withResolvers<void>();
  #hooks: HookThread | null = null;
  #pidfile: Pidfile | null = null;
  /** It serves: before, there is nothing to drain. */
  #serves = false;
  #interrupted = false;
  /** For the supervisor, once it serves. */
  #status = "";

  constructor(config: Config, log: Log, options: SoloOptions) {
    this.#config = config;
    this.#log = log;
    this.#options = options;
    this.#server = new Server(config, {
      id: 0,
      log,
      reusePort: false,
      events: {
        onBlocked() {},
        onUnlistened() {},
        onReplaceMe: (why, cause) => this.#handleReplaceMe(why, cause),
      },
    });
  }

  async run(): Promise<void> {
    listenToSignals({
      onGraceful: (signal) => this.#handleTerm(signal),
      onQuick: (signal) => this.#handleInt(signal),
      onReopen: () => this.#handleUsr1(),
      onOther: (signal) => this.#handleOther(signal),
    });
    this.#tellSupervisor();
    if (this.#config.reload) this.#log.warning("reload needs a manager: it has no effect");
    const manager = { pid: Deno.pid, config: { ...this.#config } };
    try {
      // Who is told to stop meanwhile does not wait for an app that may never be loaded.
      await Promise.race([this.#boot(manager), this.#over.promise]);
      await this.#over.promise;
    } finally {
      // Who never came to serve has sockets nevertheless, whose files nobody else removes.
      if (!this.#serves) await this.#server.stop();
      await this.#server.closeLogs();
      await this.#hooks?.run("workerExit", this.#info);
      await this.#hooks?.run("onExit", manager);
      this.#pidfile?.close();
    }
    this.#log.info("Stopped");
  }

  async #boot(manager: ManagerInfo): Promise<void> {
    const { boot_timeout } = this.#config;
    const timer = setTimeout(() => {
      const limit = `boot_timeout (${boot_timeout} s)`;
      this.#over.reject(new BootError(`Cannot start: the app was not ready within ${limit}`));
    }, boot_timeout * 1000);
    try {
      await this.#settle();
      await this.#hooks?.run("onStarting", manager);
      await this.#hooks?.run("postSpawn", this.#info);
      await this.#server.load(RequestHooks.of(this.#hooks, this.#info));
      await this.#hooks?.run("postWorkerInit", this.#info);
      await this.#server.listen();
    } finally {
      clearTimeout(timer);
    }
    this.#serves = true;
    const actual = { ...this.#config, bind: this.#server.addresses };
    this.#options.announce(actual);
    this.#status = whatServes(actual);
    this.#options.notify?.ready(this.#status);
    this.#hooks?.notify("whenReady", manager);
  }

  /** That it starts, and from then on that its event loop turns: with `threads: 0` it is the app's too. */
  #tellSupervisor(): void {
    const { notify } = this.#options;
    if (notify === null) return;
    notify.status("Starting", this.#config.boot_timeout * 1000);
    notify.keepAlive();
  }

  /** Becomes who is configured: after the pid file is written and the addresses are bound, and before any code of the user's. */
  async #settle(): Promise<void> {
    const { pid } = this.#config;
    if (pid !== null) this.#pidfile = await Pidfile.createWhenFree(pid, this.#log);
    await this.#server.prepare({ bind: true });
    // The app may call Deno.exit() here (threads: 0).
    globalThis.addEventListener("unload", () => this.#pidfile?.close());
    takeIdentity(this.#config, "");
    this.#hooks = await HookThread.load(this.#config, this.#log);
  }

  async #handleTerm(signal: Deno.Signal): Promise<void> {
    this.#log.info(`Signal ${signal}`);
    await this.#leave();
    this.#over.resolve();
  }

  async #leave(): Promise<void> {
    this.#options.notify?.stopping(this.#config.graceful_timeout * 1000);
    if (this.#serves) await this.#server.drain("stop", 0);
  }

  /** A second one is a person who does not want to wait. */
  async #handleInt(signal: Deno.Signal): Promise<void> {
    if (this.#interrupted) Deno.exit(ExitCode.ok);
    this.#interrupted = true;
    this.#log.info(`Signal ${signal}`);
    this.#options.notify?.stopping(0);
    this.#hooks?.notify("workerInterrupted", this.#info);
    if (this.#serves) await this.#server.stop();
    this.#over.resolve();
  }

  #handleUsr1(): void {
    this.#options.reopenLog();
    this.#server.reopenLogs();
  }

  /** systemd's `notify-reload` waits for both words, whatever comes of the signal. */
  #handleHup(): void {
    const { notify } = this.#options;
    notify?.reloading();
    // All of a reload that needs no other process.
    if (this.#config.certfile !== null) this.#server.renewCertificate();
    else this.#warnOfOther("SIGHUP");
    if (this.#serves) notify?.ready(this.#status);
  }

  #handleOther(signal: Deno.Signal): void {
    if (signal === "SIGHUP") this.#handleHup();
    else if (signal !== "SIGWINCH") this.#warnOfOther(signal);
  }

  #warnOfOther(signal: Deno.Signal): void {
    this.#log.warning(`Signal ${signal} needs a manager: with workers: 0 it has no effect`);
  }

  async #handleReplaceMe(why: string, cause: ReplaceCause): Promise<void> {
    const message = `${why}: with workers: 0 nothing can replace this process`;
    if (cause !== "hang") return this.#log.warning(message);
    // Its core burns for ever, and a supervisor can do what a manager would.
    this.#hooks?.notify("workerAborted", this.#info);
    await this.#leave();
    this.#over.reject(new BootError(message));
  }
}
