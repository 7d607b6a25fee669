/**
 * Connections that are open and silent: `deno run -A bench/idle.ts [CONNECTIONS]`
 *
 * 10,000 kept-alive HTTP connections, and 10,000 WebSockets through a thread, each to a server with
 * one proc: CPU of the server's process tree per second, compared with none of them, and Pss for each.
 * A line for each. The client needs a descriptor for each as well: `ulimit -n`.
 */

import { CASES } from "./table/cases.ts";
import { treeCpuSeconds, treePss } from "./support/cpu.ts";
import { freePort, Server } from "./support/server.ts";
import { HANDSHAKE } from "./support/socket_load.ts";

const SECONDS = 10;
/** Clients that are being opened at once: the backlog is bounded. */
const OPENERS = 50;
/** Longer than the measurement: nobody is to be closed, or pinged, meanwhile. */
const IDLE_SECONDS = 600;
const REQUEST = new TextEncoder().encode("GET / HTTP/1.1\r\nHost: bench\r\n\r\n");

const count = Number(Deno.args[0] ?? 10_000);
const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** One connection, whose one request was answered with this status. */
async function open(port: number, request: Uint8Array, status: string): Promise<Deno.Conn> {
  const connection = await Deno.connect({ hostname: "127.0.0.1", port });
  await connection.write(request);
  const buffer = new Uint8Array(1_024);
  const size = await connection.read(buffer);
  const answer = new TextDecoder().decode(buffer.subarray(0, size ?? 0));
  if (!answer.startsWith(`HTTP/1.1 ${status} `)) throw new Error(`No ${status}: ${answer}`);
  return connection;
}

/** CPU of the tree in milliseconds per second, over so long. */
async function cpuPerSecond(pid: number): Promise<number> {
  const before = treeCpuSeconds(pid);
  await pause(SECONDS * 1_000);
  return (treeCpuSeconds(pid) - before) * 1_000 / SECONDS;
}

async function measure(what: string, request: Uint8Array, status: string): Promise<void> {
  const port = freePort();
  const idle = [
    ...["--keep-alive", `${IDLE_SECONDS}`, "--websocket-idle-timeout", `${IDLE_SECONDS}`],
  ];
  await using server = new Server({
    program: "deno",
    args: [
      ...["run", "-A", "mod.ts", "-w", "1", "-t", "1", "-b", `127.0.0.1:${port}`, ...idle],
      "bench/apps/echo_socket.ts",
    ],
  });
  await server.ready(`http://127.0.0.1:${port}/`, CASES[0]!);
  await pause(1_000);
  const [pss, cpu] = [treePss(server.pid), await cpuPerSecond(server.pid)];
  const connections: Deno.Conn[] = [];
  let begun = 0;
  try {
    await Promise.all(Array.from({ length: OPENERS }, async () => {
      while (begun++ < count) connections.push(await open(port, request, status));
    }));
    await pause(1_000);
    const withThem = await cpuPerSecond(server.pid);
    const each = (treePss(server.pid) - pss) / connections.length / 1_024;
    console.log(
      `${connections.length} idle ${what}: ${withThem.toFixed(1)} ms of CPU per second ` +
        `(${cpu.toFixed(1)} without them), ${each.toFixed(1)} KiB of Pss each`,
    );
  } finally {
    for (const connection of connections) connection.close();
  }
}

await measure("connections", REQUEST, "200");
await measure("WebSockets", HANDSHAKE, "101");
