/** A proc's life: boot, listen, serve, leave, as its manager says. */

import type { Config } from "../config/config.ts";
import { AppLoadError, DenicornError, ExitCode, messageOf } from "../errors.ts";
import { HookThread } from "../hooks/hook_thread.ts";
import type { ProcInfo } from "../hooks/hooks.ts";
import { clipped } from "../log/record.ts";
import { setParentDeathSignal } from "../os/process/process.ts";
import { libcUnavailable } from "../os/libc.ts";
import {
  DRAIN_LINGER_MS,
  type DrainReason,
  HEARTBEAT_INTERVAL_MS,
  type ManagerToProc,
  type ReplaceCause,
  type SteeringPlan,
} from "../protocol/control/control.ts";
import { watchLoadedFiles } from "../wsgi/loaded_files.ts";
import type { ControlClient } from "./control_client.ts";
import { guardInherited } from "./listen/open_listener.ts";
import { takeIdentity } from "./identity.ts";
import { Recycling } from "./recycling.ts";
import { RequestHooks } from "./exchange/request_hooks.ts";
import { Server } from "./server.ts";
import { listenToSignals } from "./signals.ts";
import { surviveUncaughtErrors } from "../log/uncaught.ts";

/** What there is once the manager has said who this proc is. */
interface Booted {
  readonly config: Config;
  readonly server: Server;
  readonly hooks: HookThread | null;
  /** Who this is, for hooks. */
  readonly info: ProcInfo;
}

export class Proc {
  readonly #client: ControlClient;
  #booted: Booted | null = null;
  /** Has begun to drain: a signal that says so too is no news. */
  #leaving = false;

  constructor(client: ControlClient) {
    this.#client = client;
  }

  /** Obeys until the manager is gone, which ends the process; or until it is told to leave. */
  async run(): Promise<never> {
    listenToSignals({
      onGraceful: (why) => {
        if (this.#leaving) return;
        this.#client.send({ type: "leaving", why, graceful: true });
        this.#drain("recycle", DRAIN_LINGER_MS);
      },
      onQuick: (why) => {
        this.#client.send({ type: "leaving", why, graceful: false });
        this.#booted?.hooks?.notify("workerInterrupted", this.#booted.info);
        this.#stop();
      },
      onReopen: null,
      onOther: () => {},
    });
    for await (const message of this.#client.messages) this.#obey(message);
    // Nobody is left to be of use to, or to be replaced by.
    await this.#booted?.server.stop();
    await this.#booted?.server.closeLogs();
    Deno.exit(ExitCode.system);
  }

  #obey(message: ManagerToProc): void {
    switch (message.type) {
      case "boot":
        return void this.#boot(message.id, message.config);
      case "listen":
        return void this.#listen();
      case "drain":
        return void this.#drain(message.reason, message.linger_ms);
      case "stop":
        return void this.#stop();
      case "reopen_logs":
        this.#booted?.server.reopenLogs();
        return void this.#client.send({ type: "logs_reopened" });
      case "steer":
        return this.#steer(message.bind, message.program);
    }
  }

  async #boot(id: number, config: Config): Promise<void> {
    try {
      this.#tieToManager();
      guardInherited(config);
      const log = this.#client.log(config.log_level, `proc ${id}`);
      surviveUncaughtErrors(log);
      const events = {
        onReplaceMe: (why: string, cause: ReplaceCause) => {
          this.#client.send({ type: "replace_me", why, cause });
          if (cause === "hang") this.#booted?.hooks?.notify("workerAborted", info);
        },
        onBlocked: (blocked: boolean) => this.#client.send({ type: "blocked", blocked }),
        onUnlistened: () => void this.#client.send({ type: "unlistened" }),
      };
      const info = { id, pid: Deno.pid };
      const server = new Server(config, { id, log, events, reusePort: true });
      await server.prepare();
      takeIdentity(config, `proc ${id}`);
      // Once more: a change of user has cleared it.
      this.#tieToManager();
      // From here on there is code of the user's.
      const hooks = await HookThread.load(config, log);
      await hooks?.run("postSpawn", info);
      this.#booted = { config, server, hooks, info };
      await server.load(RequestHooks.of(hooks, info));
      await hooks?.run("postWorkerInit", info);
      this.#client.send({ type: "loaded" });
    } catch (error) {
      await this.#failBoot(error);
    }
  }

  /** A manager that is killed takes its procs with it, even one whose server thread is stuck. */
  #tieToManager(): void {
    // Elsewhere the end of the control channel has to do.
    if (libcUnavailable() === null) setParentDeathSignal("SIGKILL");
  }

  async #listen(): Promise<void> {
    try {
      await this.#booted?.server.listen();
      this.#client.send({ type: "ready" });
      this.#tellSources();
      this.#serve();
    } catch (error) {
      await this.#failBoot(error);
    }
  }

  /** What Deno itself loads, the manager finds out without the proc. */
  #tellSources(): void {
    const config = this.#booted?.config;
    if (config?.reload && config.interface === "wsgi") {
      watchLoadedFiles(config, (files) => this.#client.send({ type: "sources", files }));
    }
  }

  /** Gives signs of life, and looks whether it has served long enough. */
  #serve(): void {
    if (this.#booted === null) return;
    const { server, config } = this.#booted;
    const recycling = new Recycling(config);
    const since = performance.now();
    const beat = () => {
      const stats = server.stats();
      this.#client.send({ type: "heartbeat", stats });
      const reason = recycling.reason(stats, performance.now() - since);
      if (reason !== null) this.#client.send({ type: "replace_me", ...reason });
    };
    beat();
    setInterval(beat, HEARTBEAT_INTERVAL_MS);
  }

  #steer(bind: string, plan: SteeringPlan): void {
    let error: string | null = null;
    try {
      this.#booted?.server.steer(bind, plan);
    } catch (caught) {
      error = messageOf(caught);
    }
    this.#client.send({ type: "steered", error });
  }

  async #drain(reason: DrainReason, lingerMs: number): Promise<void> {
    this.#leaving = true;
    await this.#booted?.server.drain(reason, lingerMs);
    await this.#end();
  }

  async #stop(): Promise<void> {
    await this.#booted?.server.stop();
    await this.#end();
  }

  async #end(): Promise<never> {
    if (this.#booted !== null) {
      const { server, hooks, info } = this.#booted;
      await server.closeLogs();
      await hooks?.run("workerExit", info);
    }
    return await this.#client.exit(ExitCode.ok);
  }

  async #failBoot(error: unknown): Promise<void> {
    const known = error instanceof DenicornError;
    const exitCode = known ? error.exitCode : ExitCode.boot;
    const trace = error instanceof AppLoadError
      ? error.trace
      : known || !(error instanceof Error)
      ? ""
      : error.stack ?? String(error);
    this.#client.send({
      type: "boot_failed",
      exit_code: exitCode,
      message: known ? clipped(error.message) : "A proc failed to boot",
      trace: clipped(trace),
    });
    await this.#client.exit(exitCode);
  }
}
