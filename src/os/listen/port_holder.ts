/** Who has a TCP port, as far as /proc tells: an aid for an error message, never more. */

import { holdsSocket } from "../sockets/socket_owner.ts";

/** TCP_LISTEN as /proc/net/tcp writes it, net/tcp_states.h. */
const LISTEN = "0A";

/** "another server listens on it (held by nginx, pid 123)", or how to find out; never throws. */
export function describePortHolder(port: number): string {
  const listens = "another server listens on it";
  const advice = `${listens} (find the program with: ss -ltnp 'sport = :${port}')`;
  try {
    const inodes = new Set(["tcp", "tcp6"].flatMap((table) => listeningInodes(table, port)));
    // ss would show none either.
    if (inodes.size === 0) return "another server keeps it, and does not listen yet, or any more";
    const pid = findOwner(inodes);
    return pid === null ? advice : `${listens} (held by ${nameOf(pid)}, pid ${pid})`;
  } catch {
    return advice; // no /proc (another system), or it is not for us to read
  }
}

function listeningInodes(table: string, port: number): string[] {
  const hex = port.toString(16).toUpperCase().padStart(4, "0");
  return Deno.readTextFileSync(`/proc/net/${table}`)
    .split("\n")
    .map((line) => line.trim().split(/\s+/))
    .filter((fields) => fields[1]?.endsWith(`:${hex}`) && fields[3] === LISTEN)
    .map((fields) => fields[9] ?? "");
}

/** Only the processes of our own user show their descriptors. */
function findOwner(inodes: ReadonlySet<string>): number | null {
  for (const { name } of Deno.readDirSync("/proc")) {
    if (/^\d+$/.test(name) && holdsSocket(Number(name), inodes)) return Number(name);
  }
  return null;
}

function nameOf(pid: number): string {
  return Deno.readTextFileSync(`/proc/${pid}/comm`).trim();
}
