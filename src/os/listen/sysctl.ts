/** What the kernel is set to, where that matters to a server that loses nothing. */

const MIGRATE = "net.ipv4.tcp_migrate_req";

/**
 * Whether connections that wait in the queue of a listening socket are lost when its process is
 * killed, although others listen on the address. Null where the kernel does not say: before Linux
 * 5.14, or on another system. See tcp_migrate_req in Documentation/networking/ip-sysctl.rst.
 */
export function losesQueues(): boolean | null {
  const value = read(MIGRATE);
  return value === null ? null : value === "0";
}

/** What to do about it, in one line. */
export const MIGRATE_ADVICE =
  `With \`sysctl ${MIGRATE}=1\` (or listener: shared) the connections that wait for a proc which is ` +
  `killed go to the others; they are lost otherwise`;

function read(name: string): string | null {
  try {
    return Deno.readTextFileSync(`/proc/sys/${name.replaceAll(".", "/")}`).trim();
  } catch {
    return null;
  }
}
