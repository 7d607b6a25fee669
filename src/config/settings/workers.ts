/** Settings of procs and threads: how many, how they are fed, when they are replaced. */

import { BadValue } from "../values/bad_value.ts";
import { bytes, choice, integer, seconds } from "../values/kinds.ts";
import { setting } from "../setting.ts";

/** Past this many, procs and threads of one machine only take memory from one another. */
const MAX_WORKERS = 1_024;
const MAX_THREADS = 512;
const DAY = 86_400;
const GIB = 1024 ** 3;

/** `-p` is yimmo-wsgi's; elsewhere it is a port, or gunicorn's pid file. */
function processes(text: string): string {
  if (/^\d+$/.test(text) && Number(text) > MAX_WORKERS) {
    throw new BadValue("is no number of processes; a port is given by -P or --port");
  }
  if (/[/.]/.test(text)) {
    throw new BadValue("is no number of processes; a pid file is given by --pid");
  }
  return text;
}

export const workerSettings = {
  workers: setting({
    section: "workers",
    kind: integer({ min: 0, max: MAX_WORKERS }),
    default: 1,
    defaultText: "$WEB_CONCURRENCY, else the CPUs that the machine or its cgroup allows",
    find: ({ env, cpus }) => {
      const wish = env("WEB_CONCURRENCY");
      return wish === undefined || wish === ""
        ? { raw: String(Math.min(cpus(), MAX_WORKERS)), from: "CPUs allowed" }
        : { raw: wish, from: "environment WEB_CONCURRENCY" };
    },
    short: "w",
    spellings: [
      { flags: ["no-proc"], short: "p", read: processes },
      { env: ["YIMMO_WSGI_NO_PROC"], keys: ["wsgi.no_proc"] },
    ],
    help: "Number of processes that serve. 0 serves in this very process, without a manager.",
  }),
  threads: setting({
    section: "workers",
    kind: integer({ min: 0, max: MAX_THREADS }),
    default: 1,
    short: "t",
    spellings: [
      { flags: ["no-threads"], env: ["YIMMO_WSGI_NO_THREADS"], keys: ["wsgi.no_threads"] },
    ],
    help: "Threads that run the app, in each process. 0 runs it inline, in the server thread: " +
      "fastest, but an app that blocks then blocks every client of its process.",
  }),
  affinity: setting({
    section: "workers",
    kind: choice(["none", "session"]),
    default: "none",
    help: "`session` keeps all requests of one connection on one thread; `none` gives each to " +
      "the least busy one.",
  }),
  backlog_per_thread: setting({
    section: "workers",
    kind: integer({ min: 1, max: 1_000_000 }),
    default: 1_024,
    help: "Exchanges that may wait for one thread; past it a request gets 503 at once.",
  }),
} as const;

export const recyclingSettings = {
  max_requests: setting({
    section: "recycling",
    kind: integer({ min: 0, max: 1e12 }),
    default: 0,
    help: "Replaces a process after this many requests; 0 never does.",
  }),
  max_requests_jitter: setting({
    section: "recycling",
    kind: integer({ min: 0, max: 1e12 }),
    default: 0,
    help: "At most so many requests more, by chance, so that processes do not all go at once.",
  }),
  max_lifetime: setting({
    section: "recycling",
    kind: seconds({ min: 0, max: 365 * DAY }),
    default: 0,
    help: "Replaces a process after this time; 0 never does.",
  }),
  max_rss: setting({
    section: "recycling",
    kind: bytes({ min: 0, max: 1_024 * GIB }),
    default: 0,
    help: "Replaces a process whose resident memory stays above this; 0 never does.",
    example: "512MiB",
  }),
  crash_limit: setting({
    section: "recycling",
    kind: integer({ min: 0, max: 1_000_000 }),
    default: 20,
    help:
      "Gives up, with exit code 3, when processes crash soon after their start more often than " +
      "this in succession, or within `crash_window`; those that one blow strikes count once. " +
      "0 never does.",
  }),
  crash_window: setting({
    section: "recycling",
    kind: seconds({ min: 1, max: DAY }),
    default: 60,
    help: "The time in which `crash_limit` counts crashes that a sound process lies between.",
  }),
} as const;
