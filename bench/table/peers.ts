/** The servers that are compared, and the command that starts each with one of the apps. */

import type { Case } from "./cases.ts";

/** How one server is started. All paths are relative to the root of the repository, the cwd. */
export interface Command {
  readonly program: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** One server in one configuration. */
export interface Peer {
  /** What rows and `--only` call it. */
  readonly name: string;
  readonly workers: number;
  /** Threads that run the app in each worker; 0 where the thread that does the I/O runs it. */
  readonly threads: number;
  readonly kind: Case["kind"];
  /** denicorn itself. */
  readonly own: boolean;
  /** What the reader has to know, e.g. that it keeps no connection alive. */
  readonly note?: string;
  command(what: Case, port: number): Command;
}

/** Debian's, which its gunicorn and uWSGI use as well. */
const PYTHON = "/usr/bin/python3";

function denicorn(kind: Case["kind"], workers: number, threads: number): Peer {
  return {
    name: "denicorn",
    workers,
    threads,
    kind,
    own: true,
    command: ({ app }, port) => ({
      program: "deno",
      args: [
        ...[
          "run",
          "-A",
          "mod.ts",
          "-b",
          `127.0.0.1:${port}`,
          "-w",
          `${workers}`,
          "-t",
          `${threads}`,
        ],
        ...(kind === "wsgi" ? ["--python", PYTHON, "--pythonpath", "bench/apps"] : []),
        app,
      ],
    }),
  };
}

const denoServe: Peer = {
  name: "Deno.serve",
  workers: 1,
  threads: 0,
  kind: "fetch",
  own: false,
  command: ({ app }, port) => ({
    program: "deno",
    args: ["run", "-A", "bench/apps/serve.ts", `../../${app}`, `${port}`],
  }),
};

const denoParallel: Peer = {
  name: "deno serve --parallel",
  workers: 2,
  threads: 0,
  kind: "fetch",
  own: false,
  note: "two isolates in one process",
  command: ({ app }, port) => ({
    program: "deno",
    args: ["serve", "-A", "--parallel", "--host", "127.0.0.1", "--port", `${port}`, app],
    env: { DENO_JOBS: "2" },
  }),
};

function nodeCluster(workers: number): Peer {
  return {
    name: "Node cluster",
    workers,
    threads: 0,
    kind: "fetch",
    own: false,
    note: "node:http handlers written for Node; Hono with its own adapter, @hono/node-server",
    command: ({ name }, port) => ({
      program: "node",
      args: ["bench/apps/node_cluster.mjs"],
      env: { CASE: name, PORT: `${port}`, WORKERS: `${workers}`, MODULES: nodeModules() },
    }),
  };
}

/** Where main.ts has npm install Hono for Node. */
export function nodeModules(): string {
  const temporary = Deno.env.get("TMPDIR") ?? "/tmp";
  return `${temporary}/denicorn-bench-node`;
}

function gunicorn(workers: number, threads: number): Peer {
  const gthread = threads > 1;
  return {
    name: gthread ? "gunicorn gthread" : "gunicorn sync",
    workers,
    threads,
    kind: "wsgi",
    own: false,
    ...(gthread ? {} : { note: "a connection for each request: sync keeps none alive" }),
    command: ({ app }, port) => ({
      program: "gunicorn",
      args: [
        ...["-b", `127.0.0.1:${port}`, "-w", `${workers}`, "-k", gthread ? "gthread" : "sync"],
        ...(gthread ? ["--threads", `${threads}`] : []),
        ...["--pythonpath", "bench/apps", "--log-level", "error", app],
      ],
    }),
  };
}

/** The ways in which uWSGI takes HTTP, each with what it means for kept-alive connections. */
const UWSGI_SOCKETS = {
  "uWSGI http-socket": {
    options: (address: string) => ["--plugins", "python3", "--http-socket", address],
    note: "a connection for each request: this socket keeps none alive",
  },
  "uWSGI http11-socket": {
    options: (address: string) => ["--plugins", "python3", "--http11-socket", address],
    note:
      "keeps connections alive, and each holds a worker: the others of the 64 wait until it ends",
  },
  "uWSGI http router": {
    options: (address: string) => [
      ...["--plugins", "python3,http", "--http", address, "--http-keepalive=75"],
    ],
    note: "keeps connections alive in a process of its own before the workers",
  },
} as const;

function uwsgi(name: keyof typeof UWSGI_SOCKETS, workers: number): Peer {
  const { options, note } = UWSGI_SOCKETS[name];
  return {
    name,
    workers,
    threads: 1,
    kind: "wsgi",
    own: false,
    note,
    command: ({ app }, port) => ({
      program: "uwsgi",
      args: [
        ...options(`127.0.0.1:${port}`),
        ...["--master", "--die-on-term", "--disable-logging", "--need-app"],
        ...["--processes", `${workers}`, "--pythonpath", "bench/apps", "--module", app],
      ],
    }),
  };
}

export const PEERS: readonly Peer[] = [
  denoServe,
  denoParallel,
  nodeCluster(1),
  nodeCluster(2),
  ...[[1, 0], [2, 0], [1, 1], [1, 2], [2, 1], [2, 2]].map(([workers, threads]) =>
    denicorn("fetch", workers!, threads!)
  ),
  ...[1, 2].flatMap((workers) => [
    gunicorn(workers, 1),
    gunicorn(workers, 4),
    uwsgi("uWSGI http-socket", workers),
    uwsgi("uWSGI http11-socket", workers),
    uwsgi("uWSGI http router", workers),
    denicorn("wsgi", workers, 1),
    denicorn("wsgi", workers, 4),
  ]),
];

/** `name` with its workers and threads, as rows and progress lines show it. */
export function labelOf({ name, workers, threads }: Peer): string {
  return `${name} ${workers}×${threads === 0 ? "inline" : threads}`;
}
