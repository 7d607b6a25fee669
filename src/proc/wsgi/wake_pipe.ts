/** Calls from threads that are none of Deno's: each of them is a byte in a pipe. */

/**
 * Calls `onWake` whenever something comes, as long as the process lives. A thread of Deno's pool waits
 * for it.
 *
 * The pipe is opened anew, since Deno reads no descriptor that it has not opened itself; at once,
 * because another user might not, and the process may become one.
 */
export function listenToPipe(fd: number, onWake: () => void): void {
  void listen(Deno.openSync(`/proc/self/fd/${fd}`), onWake);
}

async function listen(file: Deno.FsFile, onWake: () => void): Promise<void> {
  const bytes = new Uint8Array(4096);
  while (await file.read(bytes) !== null) onWake();
}
