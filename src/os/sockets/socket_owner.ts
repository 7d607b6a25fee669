/** Which process has a socket, as far as /proc tells; only root sees the sockets of other users. */

/** Whether the process has a socket with one of these inodes. Never throws. */
export function holdsSocket(pid: number, inodes: ReadonlySet<string>): boolean {
  try {
    for (const { name } of Deno.readDirSync(`/proc/${pid}/fd`)) {
      const inode = /^socket:\[(\d+)\]$/.exec(linkOf(`/proc/${pid}/fd/${name}`))?.[1];
      if (inode !== undefined && inodes.has(inode)) return true;
    }
  } catch {
    // Another user's process, or one that has ended.
  }
  return false;
}

/** The race: a descriptor that is closed between the listing and this says nothing of the others. */
function linkOf(path: string): string {
  try {
    return Deno.readLinkSync(path);
  } catch {
    return "";
  }
}
