/**
 * The control channel between the manager and one proc: one JSON object a line over a unix socket
 * that the manager listens on and the proc connects to. When it ends, the other side is gone: a proc
 * that loses its manager exits.
 *
 * The order at boot: the proc says `hello`; the manager answers `boot`; the proc loads the app in
 * all of its threads and says `loaded`; the manager says `listen` (one proc at a time, so that it
 * knows the order of listen() within the SO_REUSEPORT group); the proc binds and says `ready`.
 */

import type { Config } from "../../config/config.ts";
import type { LogRecord } from "../../log/record.ts";

/** How the manager tells a fresh process that it is a proc: the environment of its start. */
export const ControlEnv = {
  /** Path of the control socket; an abstract one (Linux: without a file) begins with "@". */
  path: "DENICORN_CONTROL",
  /** Secret that the proc shows in its `hello`, so that no stranger can pose as one. */
  token: "DENICORN_CONTROL_TOKEN",
} as const;

/** How a manager hands its sockets over to the next one (USR2); see src/manager/succession/handover.ts. */
export const HANDOVER_ENV = "DENICORN_HANDOVER";

/**
 * A proc that leaves goes on accepting for so long, so that nobody is lost who waits in its sockets'
 * queues, milliseconds. Here, since the manager reckons with it where the proc leaves by itself.
 */
export const DRAIN_LINGER_MS = 300;

/** Why a proc is asked to leave; it decides what WebSockets are told (1012 or 1001). */
export type DrainReason = "stop" | "reload" | "recycle";

/**
 * What makes a proc want to be replaced. work: max_requests, which clients reach. age: max_lifetime or
 * max_rss, which it may reach by itself. loss: a thread has ended. hang: a thread never comes back.
 */
export const REPLACE_CAUSES = ["work", "age", "loss", "hang"] as const;
export type ReplaceCause = (typeof REPLACE_CAUSES)[number];

/** What a proc counts, since its start unless said otherwise. */
export interface ProcStats {
  /** Exchanges begun. */
  readonly requests: number;
  /** Exchanges in flight now. */
  readonly in_flight: number;
  /** Exchanges that wait for a thread now. */
  readonly queued: number;
  /** Open connections now. */
  readonly sessions: number;
  /** Resident memory, bytes. */
  readonly rss: number;
}

export type ManagerToProc =
  /** First message: who you are and what you serve. `id` is the proc's number, from 1. */
  | { readonly type: "boot"; readonly id: number; readonly config: Config }
  /** Bind and accept. */
  | { readonly type: "listen" }
  /** Leave: accept for `linger_ms` more, refuse no one, finish what is in flight, exit 0. */
  | { readonly type: "drain"; readonly reason: DrainReason; readonly linger_ms: number }
  /** Exit now, answers cut. */
  | { readonly type: "stop" }
  /** Open the log files anew (USR1). */
  | { readonly type: "reopen_logs" }
  /**
   * Spread the new connections of the SO_REUSEPORT group at `bind`, one of your own as `showBind`
   * writes it, by this plan (see src/os/listen/steering.ts).
   */
  | { readonly type: "steer"; readonly bind: string; readonly program: SteeringPlan };

/**
 * How new connections spread over the listening sockets of a SO_REUSEPORT group. `weights[i]` is the
 * share of the socket with index i, in the order of listen(); 0 gets none. An empty list hands the
 * choice back to the kernel's hash.
 */
export interface SteeringPlan {
  readonly weights: readonly number[];
}

export type ProcToManager =
  | { readonly type: "hello"; readonly pid: number; readonly token: string }
  /** The app is loaded in all threads. */
  | { readonly type: "loaded" }
  /** Listening on every bind. */
  | { readonly type: "ready" }
  /** Boot failed. `trace` is the app's own, without our frames; `exit_code` is the one to end with. */
  | {
    readonly type: "boot_failed";
    readonly exit_code: number;
    readonly message: string;
    readonly trace: string;
  }
  /** From the server thread, every HEARTBEAT_INTERVAL_MS, never from app code. */
  | { readonly type: "heartbeat"; readonly stats: ProcStats }
  /** Whether none of its threads is free to begin anything, at each change. */
  | { readonly type: "blocked"; readonly blocked: boolean }
  /** Records for the error log, which the manager writes. */
  | { readonly type: "log"; readonly records: readonly LogRecord[] }
  /** Accepts no more: every listening socket is closed. It says so once, whatever made it leave. */
  | { readonly type: "unlistened" }
  /** A signal to this very proc makes it leave: after what is in flight if `graceful`, else at once. */
  | { readonly type: "leaving"; readonly why: string; readonly graceful: boolean }
  | { readonly type: "logs_reopened" }
  /** Files that the app has loaded, to be watched (`reload`). */
  | { readonly type: "sources"; readonly files: readonly string[] }
  /** I want to be replaced. */
  | { readonly type: "replace_me"; readonly why: string; readonly cause: ReplaceCause }
  /** The plan is in force (or could not be attached: `error`). */
  | { readonly type: "steered"; readonly error: string | null };

/**
 * What a manager hears of a proc. Its procs may be of a newer version: who unpacks one starts the new
 * manager (USR2) a while later, and procs are replaced meanwhile. What they say beyond what is known
 * here costs none of them its channel; `named` is the beginning of the message's type.
 */
export type HeardOfProc = ProcToManager | { readonly type: "unknown"; readonly named: string };

/**
 * A control socket's name as Deno takes it: the kernel's abstract names begin with a NUL, which no
 * environment variable can hold.
 */
export function controlAddress(path: string): Deno.UnixListenOptions & { transport: "unix" } {
  return { transport: "unix", path: path.startsWith("@") ? `\0${path.slice(1)}` : path };
}

/** How often a proc says that it lives, milliseconds; as often as new connections are steered by load. */
export const HEARTBEAT_INTERVAL_MS = 250;
