/** A proc's end of the control channel, and its error log, which goes over it. */

import { type ErrorLog, type LogConfig, openLogWriter } from "../log/log_writer.ts";
import { createLog, type Level, type Log, type LogRecord } from "../log/record.ts";
import {
  controlAddress,
  ControlEnv,
  type ManagerToProc,
  type ProcToManager,
} from "../protocol/control/control.ts";
import { ControlChannel } from "../protocol/control/channel.ts";
import { parseManagerToProc } from "../protocol/control/parse.ts";

/** How long a proc that exits waits for a manager that may not read its last words, milliseconds. */
const FAREWELL_MS = 1_000;

const ORPHAN: LogConfig = {
  log_level: "debug",
  error_log: "-",
  log_format: "text",
  umask: null,
};

export class ControlClient {
  readonly #channel: ControlChannel<ManagerToProc, ProcToManager>;
  /** The log of a proc whose manager is gone. */
  #orphan: ErrorLog | null = null;

  private constructor(channel: ControlChannel<ManagerToProc, ProcToManager>) {
    this.#channel = channel;
  }

  /** Connects to the manager that the environment names, and says hello. */
  static async connect(): Promise<ControlClient> {
    const path = Deno.env.get(ControlEnv.path) ?? "";
    const token = Deno.env.get(ControlEnv.token) ?? "";
    // The app must not find them: neither for itself nor for what it starts.
    Deno.env.delete(ControlEnv.path);
    Deno.env.delete(ControlEnv.token);
    const conn = await Deno.connect(controlAddress(path));
    const client = new ControlClient(new ControlChannel(conn, parseManagerToProc));
    client.send({ type: "hello", pid: Deno.pid, token });
    return client;
  }

  /** What the manager says, until it is gone. */
  get messages(): AsyncIterable<ManagerToProc> {
    return this.#channel;
  }

  send(message: ProcToManager): boolean {
    return this.#channel.send(message);
  }

  /** The error log of this proc; `role` is who speaks. */
  log(level: Level, role: string): Log {
    return createLog(level, role, (record) => this.write(record));
  }

  /** Sends a record for the error log. Where the manager is gone, standard error takes it. */
  write(record: LogRecord): void {
    if (this.send({ type: "log", records: [record] })) return;
    this.#orphan ??= openLogWriter(ORPHAN, "proc");
    this.#orphan.write(record);
  }

  /** Ends this process, after its last words have been heard. */
  async exit(code: number): Promise<never> {
    const late = new Promise<void>((resolve) => setTimeout(resolve, FAREWELL_MS));
    await Promise.race([this.#channel.flushed(), late]);
    Deno.exit(code);
  }
}
