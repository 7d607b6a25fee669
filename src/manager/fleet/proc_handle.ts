/** A proc as the manager sees it from outside: its process and its control channel. */

import type { Config } from "../../config/config.ts";
import { ExitCode, messageOf } from "../../errors.ts";
import { denoRefusal, refusalError } from "../../launch/deno_refusal.ts";
import type { DrainReason, HeardOfProc, ManagerToProc } from "../../protocol/control/control.ts";
import type { ControlListener, ProcChannel } from "./control_listener.ts";
import type { Inbox, ManagerEvent } from "../inbox.ts";
import { spawnProc } from "./spawn.ts";

/** A process that has ended may have left its last words in the channel; they get this long. */
const LAST_WORDS_MS = 1_000;

export interface ProcHandleOptions {
  readonly id: number;
  readonly config: Config;
  /** Deno's flags for it, beyond those that every proc needs. */
  readonly denoFlags: readonly string[];
  readonly listener: ControlListener;
  readonly inbox: Inbox<ManagerEvent>;
}

export class ProcHandle {
  readonly id: number;
  readonly pid: number;
  readonly #child: Deno.ChildProcess;
  readonly #options: ProcHandleOptions;
  readonly #token: string;
  readonly #ended = Promise.withResolvers<void>();
  #channel: ProcChannel | null = null;

  /** Starts the process. Throws SystemError where that fails. */
  constructor(options: ProcHandleOptions) {
    const { id, config, denoFlags, listener } = options;
    this.#options = options;
    this.id = id;
    this.#token = listener.expect((channel, messages) => this.#attach(channel, messages));
    try {
      this.#child = spawnProc(config, { path: listener.path, token: this.#token, denoFlags });
    } catch (error) {
      listener.forget(this.#token);
      throw error;
    }
    this.pid = this.#child.pid;
    this.#watch();
  }

  /** False where the proc is not there to hear it. */
  send(message: ManagerToProc): boolean {
    return this.#channel?.send(message) ?? false;
  }

  /** Lets it finish what is in flight; it ends by itself. */
  softKill(reason: DrainReason, lingerMs: number): void {
    if (!this.send({ type: "drain", reason, linger_ms: lingerMs })) this.#signal("SIGTERM");
  }

  /** Ends it at once, its server thread permitting. */
  stop(): void {
    if (!this.send({ type: "stop" })) this.#signal("SIGQUIT");
  }

  /** Ends it, whatever it does. */
  hardKill(): void {
    this.#signal("SIGKILL");
  }

  #signal(signal: Deno.Signal): void {
    try {
      this.#child.kill(signal);
    } catch {
      // It has ended meanwhile: what was wanted.
    }
  }

  #attach(channel: ProcChannel, messages: AsyncIterator<HeardOfProc>): void {
    const { id, config } = this.#options;
    this.#channel = channel;
    channel.send({ type: "boot", id, config });
    this.#read(messages);
  }

  async #read(messages: AsyncIterator<HeardOfProc>): Promise<void> {
    const { id, inbox } = this.#options;
    let error: string | null = null;
    try {
      for (let next = await messages.next(); !next.done; next = await messages.next()) {
        inbox.push({ type: "message", id, message: next.value });
      }
    } catch (caught) {
      error = messageOf(caught);
    }
    this.#channel?.close();
    this.#ended.resolve();
    inbox.push({ type: "lost", id, error });
  }

  async #watch(): Promise<void> {
    const { id, inbox, listener } = this.#options;
    const status = await this.#child.status;
    listener.forget(this.#token);
    // Why it failed stands in the channel, which is read beside: first its words, then its end.
    if (this.#channel !== null) await atMost(LAST_WORDS_MS, this.#ended.promise);
    else if (status.code === ExitCode.system) await this.#tellRefusal();
    this.#channel?.close();
    inbox.push({ type: "exited", id, status });
  }

  /** It ended without a word. Deno says on standard error alone why it refused to start. */
  async #tellRefusal(): Promise<void> {
    const { id, config, denoFlags, inbox } = this.#options;
    const refusal = await denoRefusal(config, ["-A", ...denoFlags]);
    if (refusal === null) return;
    const { exitCode, message, trace } = refusalError(config, refusal);
    const failure = { exit_code: exitCode, message, trace };
    inbox.push({ type: "message", id, message: { type: "boot_failed", ...failure } });
  }
}

async function atMost(ms: number, promise: Promise<void>): Promise<void> {
  const { promise: late, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  await Promise.race([promise, late]);
  clearTimeout(timer);
}
