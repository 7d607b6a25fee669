/** Calls from threads that are none of Deno's: each of them is a byte in a pipe. */

import { openPipe } from "../../wsgi/pipe.ts";

/**
 * Calls `onWake` whenever something comes, as long as the process lives. A thread of Deno's pool waits
 * for it.
 */
export function listenToPipe(fd: number, onWake: () => void): void {
  void listen(openPipe(fd), onWake);
}

async function listen(file: Deno.FsFile, onWake: () => void): Promise<void> {
  const bytes = new Uint8Array(4096);
  while (await file.read(bytes) !== null) onWake();
}
