/**
 * Which of our procs accepts a connection. Asked while all new connections are steered to one index
 * of a SO_REUSEPORT group, it tells who stands there, where that cannot be concluded: sockets of
 * another manager have closed among ours, or procs died in an order that nobody saw.
 *
 * The procs need not know of it: the kernel shows a connection's inode in /proc/net/tcp once it is
 * accepted, and the process that has it in its /proc/PID/fd.
 */

import type { Bind } from "../../config/values/bind.ts";
import { holdsSocket } from "../../os/sockets/socket_owner.ts";

/** A proc that has not accepted after this long is busy, stopped or full, milliseconds. */
const ACCEPT_TIMEOUT_MS = 500;
const POLL_MS = 2;

export type TcpBind = Extract<Bind, { transport: "tcp" }>;

/** @param procs Numbers by process id. Returns null where none of them takes it in time. */
export async function whoAccepts(
  bind: TcpBind,
  procs: ReadonlyMap<number, number>,
): Promise<number | null> {
  try {
    using connection = await Deno.connect({ hostname: reachable(bind.hostname), port: bind.port });
    const { port } = connection.localAddr as Deno.NetAddr;
    const deadline = performance.now() + ACCEPT_TIMEOUT_MS;
    while (performance.now() < deadline) {
      const inode = await acceptedInode(bind.port, port);
      for (const [pid, id] of procs) {
        if (inode !== null && holdsSocket(pid, new Set([inode]))) return id;
      }
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  } catch {
    // Refused, or /proc is not there: then it cannot be found out.
  }
  return null;
}

/** Nobody can connect to "every address". */
function reachable(hostname: string): string {
  if (hostname === "0.0.0.0") return "127.0.0.1";
  return hostname === "::" ? "::1" : hostname;
}

/** Of the server's end of a connection; null as long as nobody has accepted it (its inode is 0). */
async function acceptedInode(serverPort: number, clientPort: number): Promise<string | null> {
  for (const table of ["tcp", "tcp6"]) {
    const text = await Deno.readTextFile(`/proc/net/${table}`).catch(() => "");
    const end = (port: number) => `[0-9A-F]+:${port.toString(16).toUpperCase().padStart(4, "0")}`;
    // sl local_address rem_address st tx:rx tr:when retrnsmt uid timeout inode: proc_net_tcp.rst
    const row = new RegExp(`^\\s*\\d+: ${end(serverPort)} ${end(clientPort)} .*$`, "m").exec(text);
    const inode = row?.[0].trim().split(/\s+/)[9];
    if (inode !== undefined && inode !== "0") return inode;
  }
  return null;
}
