/**
 * WebSocket messages: `deno run -A bench/websocket.ts [SECONDS] [ROUNDS]`
 *
 * 400 connections, each with one message of 64 bytes under way: echoes/s and CPU per message of the
 * server's process tree, for denicorn (TypeScript, Python), plain Deno.serve, and uvicorn (Debian: uvicorn,
 * python3-websockets). One client process makes the load: on two cores it is the bound before a
 * server of two is, so the CPU per message says more.
 */

import { CASES } from "./table/cases.ts";
import { treeCpuSeconds, treePss } from "./support/cpu.ts";
import type { Command } from "./table/peers.ts";
import { markdownTable } from "./table/report.ts";
import { freePort, Server } from "./support/server.ts";
import { SocketLoad } from "./support/socket_load.ts";
import { median } from "./table/summary.ts";

const CONNECTIONS = 400;
const WARM_UP_MS = 1_500;
const PAYLOAD = "x".repeat(64);
const APP = "bench/apps/echo_socket.ts";

/** The same as a WSGI app. */
const python = (workers: number, threads: number) => (port: number): Command => ({
  program: "deno",
  args: [
    ...["run", "-A", "mod.ts", "-b", `127.0.0.1:${port}`, "-w", `${workers}`, "-t", `${threads}`],
    ...["--python", "/usr/bin/python3", "--pythonpath", "bench/apps", "echo_denicorn:app"],
  ],
});

const own = (workers: number, threads: number) => (port: number): Command => ({
  program: "deno",
  args: [
    "run",
    "-A",
    "mod.ts",
    "-b",
    `127.0.0.1:${port}`,
    "-w",
    `${workers}`,
    "-t",
    `${threads}`,
    APP,
  ],
});

const SERVERS: Readonly<Record<string, (port: number) => Command>> = {
  "Deno.serve": (port) => ({
    program: "deno",
    args: ["run", "-A", "bench/apps/serve.ts", `../../${APP}`, `${port}`],
  }),
  "uvicorn, 1 worker": (port) => ({
    program: "uvicorn",
    args: [
      ...["--host", "127.0.0.1", "--port", `${port}`, "--log-level", "error"],
      ...["--app-dir", "bench/apps", "echo_socket:app"],
    ],
  }),
  "denicorn, 1 × inline": own(1, 0),
  "denicorn, 1 × 1": own(1, 1),
  "denicorn, 2 × 1": own(2, 1),
  "denicorn, Python, 1 × 1": python(1, 1),
  "denicorn, Python, 1 × 4": python(1, 4),
  "denicorn, Python, 2 × 1": python(2, 1),
};

interface Figures {
  readonly rate: number;
  readonly micros: number;
  readonly pss: number;
  readonly broken: number;
}

const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

async function measure(command: (port: number) => Command, seconds: number): Promise<Figures> {
  const port = freePort();
  await using server = new Server(command(port));
  await server.ready(`http://127.0.0.1:${port}/`, CASES[0]!);
  const load = new SocketLoad(PAYLOAD);
  try {
    for (let i = 0; i < CONNECTIONS; i++) await load.open(port);
    await pause(WARM_UP_MS);
    const before = { echoes: load.echoes, cpu: treeCpuSeconds(server.pid), at: performance.now() };
    await pause(seconds * 1000);
    const echoes = load.echoes - before.echoes;
    return {
      rate: echoes / (performance.now() - before.at) * 1000,
      micros: (treeCpuSeconds(server.pid) - before.cpu) * 1e6 / echoes,
      pss: treePss(server.pid),
      broken: load.broken,
    };
  } finally {
    load.stop();
  }
}

const [seconds = "4", rounds = "3"] = Deno.args;
const results = new Map<string, Figures[]>();
const failed = new Map<string, string>();
for (let round = 0; round < Number(rounds); round++) {
  for (const [name, command] of Object.entries(SERVERS)) {
    if (failed.has(name)) continue;
    try {
      const figures = await measure(command, Number(seconds));
      results.set(name, [...results.get(name) ?? [], figures]);
    } catch (error) {
      failed.set(name, error instanceof Error ? error.message : String(error));
    }
  }
}
console.log(markdownTable(
  ["server", "echoes/s", "CPU µs/message", "Pss MB", "broken"],
  [...results].map(([name, list]) => {
    const of = (key: keyof Figures) => median(list.map((figures) => figures[key]));
    return [
      name,
      Math.round(of("rate")).toLocaleString("en-US"),
      of("micros").toFixed(1),
      (of("pss") / 1e6).toFixed(0),
      `${list.reduce((sum, { broken }) => sum + broken, 0)}`,
    ];
  }),
));
for (const [name, reason] of failed) console.log(`Not measured: ${name} (${reason})`);
