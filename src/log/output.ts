/** What the lines of the error log are written to. */

import { instantOutput, openInstantly, type Output } from "../os/instant_output.ts";
import { openLogFile, openReader } from "./log_file.ts";

const STANDARD_ERROR = 2;

type Sink = { writeSync(bytes: Uint8Array): number; close(): void };

/**
 * A file by its name, or "-", standard error. Only of a regular file is it waited for that it takes
 * what it is given, and of what cannot be opened otherwise.
 *
 * It asks nothing of the file that needs more of Deno's permissions than to write it.
 *
 * @throws what openLogFile throws.
 */
export function openOutput(path: string): Output {
  if (path === "-") return instantOutput(STANDARD_ERROR) ?? new BlockingOutput(standardError);
  const file = openLogFile(path);
  try {
    // A pipe that nobody reads cannot be opened so, fifo(7).
    using _reader = openReader(path);
    const instant = openInstantly(path);
    if (instant === null) return new BlockingOutput(file);
    file.close();
    return instant;
  } catch (error) {
    file.close();
    throw error;
  }
}

/** Closed, it would give its number to the next file that is opened. */
const standardError: Sink = { writeSync: (bytes) => Deno.stderr.writeSync(bytes), close() {} };

class BlockingOutput implements Output {
  readonly #sink: Sink;

  constructor(sink: Sink) {
    this.#sink = sink;
  }

  write(bytes: Uint8Array): number | null {
    try {
      return this.#sink.writeSync(bytes);
    } catch (error) {
      // Somebody who shares it does not want to wait.
      if (error instanceof Deno.errors.WouldBlock) return null;
      throw error;
    }
  }

  close(): void {
    try {
      this.#sink.close();
    } catch {
      // A close that fails has closed all the same (close(2)).
    }
  }
}
