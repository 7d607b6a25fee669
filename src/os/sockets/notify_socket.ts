/**
 * The socket over which a process tells the one that supervises it, systemd as a rule, what it has
 * come to: lines of `NAME=value`, one datagram for each message. sd_notify(3)
 */

import type { Log } from "../../log/record.ts";
import { messageOf, SystemError } from "../../errors.ts";
import { AF_UNIX, encodeAddress } from "./address.ts";
import { closeFd } from "./socket.ts";
import { check, Errno, errno, libc, libcUnavailable } from "../libc.ts";

const SOCK_DGRAM_NONBLOCK_CLOEXEC = 2 | 0o4000 | 0o2000000;
const MSG_NOSIGNAL = 0x4000;
const CLOCK_MONOTONIC = 1;

/** Of what the supervisor has no room for so much is kept, and tried again so soon. */
const MAX_UNSENT = 16;
const RETRY_MS = 100;

/** Nobody gets signs of life more often than so: the rest has to be done as well. */
const MIN_PING_MS = 10;

/** Time for the hooks at the start and the end, and for a busy machine. */
const MARGIN_MS = 15_000;

/** The variables of the protocol, as they are in `Deno.env`. */
export interface NotifyEnv {
  readonly NOTIFY_SOCKET?: string | undefined;
  readonly WATCHDOG_USEC?: string | undefined;
  readonly WATCHDOG_PID?: string | undefined;
}

/** One message; values hold no line end. */
export type Notification = Readonly<Record<string, string | number>>;

export class NotifySocket {
  /** What the next process has to find in its environment that is to go on in this one's place. */
  readonly env: Readonly<Record<string, string>>;
  readonly #name: string;
  readonly #address: Uint8Array<ArrayBuffer>;
  readonly #log: Log;
  /** Half of the time within which a sign of life is wanted; Infinity where none is. */
  readonly #pingEveryMs: number;
  #pingAt = -Infinity;
  readonly #unsent: string[] = [];
  #isFull = false;
  #hasWarned = false;

  private constructor(name: string, watchdogUsec: number | null, log: Log) {
    this.#name = name;
    this.#address = encodeAddress({ transport: "unix", path: name.replace(/^@/, "\0") });
    this.#log = log;
    this.#pingEveryMs = watchdogUsec === null
      ? Infinity
      : Math.max(MIN_PING_MS, watchdogUsec / 2_000);
    this.env = {
      NOTIFY_SOCKET: name,
      ...(watchdogUsec === null ? {} : { WATCHDOG_USEC: `${watchdogUsec}` }),
    };
  }

  /**
   * The supervisor's, where there is one; null where nobody wants to be told. The variables are
   * deleted: no child is to speak in this process's name.
   */
  static take(log: Log): NotifySocket | null {
    const env = {
      NOTIFY_SOCKET: Deno.env.get("NOTIFY_SOCKET"),
      WATCHDOG_USEC: Deno.env.get("WATCHDOG_USEC"),
      WATCHDOG_PID: Deno.env.get("WATCHDOG_PID"),
    };
    for (const variable of Object.keys(env)) Deno.env.delete(variable);
    const name = env.NOTIFY_SOCKET ?? "";
    if (name === "") return null;
    const why = libcUnavailable() ?? notUnix(name);
    if (why === null) {
      try {
        return new NotifySocket(name, watchdogUsec(env, Deno.pid), log);
      } catch (error) {
        if (!(error instanceof SystemError)) throw error;
        log.warning(`${cannotTell(name)}: ${error.message}`);
        return null;
      }
    }
    log.warning(`${cannotTell(name)}: ${why}; in a unit of systemd's, take Type=exec`);
    return null;
  }

  /** When {@linkcode ping} is due next; Infinity where no sign of life is wanted. */
  get pingAt(): number {
    return this.#pingEveryMs === Infinity ? Infinity : this.#pingAt;
  }

  /** Gives a sign of life, where one is due. `now` is the time of a clock that only goes forward. */
  ping(now: number): void {
    if (now < this.pingAt) return;
    this.#pingAt = now + this.#pingEveryMs;
    // What waits tells as much.
    if (!this.#isFull) this.send({ WATCHDOG: 1 });
  }

  /** Has the event loop ping by itself from now on, in a process without a loop of its own. */
  keepAlive(): void {
    if (this.#pingEveryMs === Infinity) return;
    const ping = () => this.ping(performance.now());
    ping();
    Deno.unrefTimer(setInterval(ping, this.#pingEveryMs));
  }

  /** A reload begins, at this very moment: systemd tells it so from one that ended before it asked. */
  reloading(): void {
    this.send({ RELOADING: 1, MONOTONIC_USEC: monotonicUsec(), STATUS: "Reloading" });
  }

  /** Tells how it stands; `withinMs`, where something lasts, how long the next word may take. */
  status(status: string, withinMs?: number): void {
    this.send({ STATUS: status, ...(withinMs === undefined ? {} : extension(withinMs)) });
  }

  ready(status: string): void {
    this.send({ READY: 1, STATUS: status });
  }

  /** The end has begun, and takes so long at most. */
  stopping(withinMs: number): void {
    this.send({ STOPPING: 1, STATUS: "Stopping", ...extension(withinMs) });
  }

  /**
   * Sends a message. Never waits and never throws: a supervisor that does not listen is warned of, once,
   * and is nobody's reason not to serve.
   */
  send(notification: Notification): void {
    const lines = Object.entries(notification).map(([name, value]) => `${name}=${value}`);
    this.#unsent.push(lines.join("\n"));
    if (this.#unsent.length > MAX_UNSENT) this.#unsent.shift();
    if (!this.#isFull) this.#flush();
  }

  #flush(): void {
    for (let text = this.#unsent[0]; text !== undefined; text = this.#unsent[0]) {
      try {
        if (!this.#sendNow(text)) return this.#flushLater();
      } catch (error) {
        this.#warn(messageOf(error));
      }
      this.#unsent.shift();
    }
  }

  #flushLater(): void {
    this.#isFull = true;
    const timer = setTimeout(() => {
      this.#isFull = false;
      this.#flush();
    }, RETRY_MS);
    Deno.unrefTimer(timer);
  }

  /** Whether there was room for it. A socket for each message, as in libsystemd: nothing to look after. */
  #sendNow(text: string): boolean {
    const { socket, sendto } = libc();
    const bytes = new TextEncoder().encode(text);
    const to = this.#address;
    const what = cannotTell(this.#name);
    const fd = check(socket(AF_UNIX, SOCK_DGRAM_NONBLOCK_CLOEXEC, 0), "socket", what);
    try {
      const sent = Number(sendto(fd, bytes, BigInt(bytes.length), MSG_NOSIGNAL, to, to.length));
      if (sent < 0 && errno() === Errno.EAGAIN) return false;
      check(sent, "sendto", what);
      return true;
    } finally {
      closeFd(fd);
    }
  }

  #warn(message: string): void {
    if (!this.#hasWarned) this.#log.warning(message);
    this.#hasWarned = true;
  }
}

/** The time within which signs of life are wanted, microseconds; null where none are, or of another process. */
export function watchdogUsec({ WATCHDOG_USEC, WATCHDOG_PID }: NotifyEnv, pid: number) {
  const usec = Number(WATCHDOG_USEC ?? 0);
  const isMeant = WATCHDOG_PID === undefined || WATCHDOG_PID === String(pid);
  return isMeant && Number.isSafeInteger(usec) && usec > 0 ? usec : null;
}

function cannotTell(name: string): string {
  return `Cannot tell the supervisor at NOTIFY_SOCKET ${name} that this server is ready, or anything`;
}

function notUnix(name: string): string | null {
  return /^[/@]./.test(name) ? null : 'it is neither a path nor the "@name" of an abstract socket';
}

function extension(withinMs: number): Notification {
  return { EXTEND_TIMEOUT_USEC: Math.ceil((withinMs + MARGIN_MS) * 1000) };
}

function monotonicUsec(): string {
  const timespec = new BigInt64Array(2);
  check(libc().clock_gettime(CLOCK_MONOTONIC, timespec), "clock_gettime", "Cannot read the clock");
  const [seconds = 0n, nanoseconds = 0n] = timespec;
  return `${seconds * 1_000_000n + nanoseconds / 1_000n}`;
}
