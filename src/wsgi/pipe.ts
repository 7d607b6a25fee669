/** Pipes into which Python writes, of its own threads. */

/**
 * Opens a descriptor anew: Deno reads none that it has not opened itself. To be done at once, because
 * another user might not, and the process may become one.
 */
export function openPipe(fd: number): Deno.FsFile {
  return Deno.openSync(`/proc/self/fd/${fd}`);
}

/** What comes, line by line. A thread of Deno's pool waits for it from the first line on. */
export async function* linesOf(pipe: Deno.FsFile): AsyncGenerator<string> {
  let rest = "";
  for await (const text of pipe.readable.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
  }
}
