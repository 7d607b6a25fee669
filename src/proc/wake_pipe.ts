/** Calls from threads that are none of Deno's: each of them is a byte in a pipe. */

/**
 * Calls `onWake` whenever something comes, as long as the process lives. Opened anew, since Deno reads
 * no descriptor that it has not opened itself; no thread of Deno's event loop waits for it.
 */
export function watchPipe(fd: number, onWake: () => void): void {
  const file = Deno.openSync(`/proc/self/fd/${fd}`);
  const bytes = new Uint8Array(4096);
  const listen = async () => {
    while (await file.read(bytes) !== null) onWake();
  };
  void listen();
}
