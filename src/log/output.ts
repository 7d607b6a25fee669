/** What the lines of the error log are written to. */

import { instantOutput, openInstantly, type Output } from "../os/instant_output.ts";
import { mayRead, openLogFile, openReader } from "./log_file.ts";

const STANDARD_ERROR = 2;

export interface Opened {
  readonly output: Output;
  /** The same for the same file, however it is named. Null where that is not known. */
  readonly identity: string | null;
}

type Sink = { writeSync(bytes: Uint8Array): number; close(): void };

/**
 * A file by its name, or "-", standard error. Only of a regular file is it waited for that it takes
 * what it is given, and of what cannot be opened otherwise.
 *
 * It asks nothing of the file that needs more of Deno's permissions than to write it.
 *
 * @throws what openLogFile throws.
 */
export function openOutput(path: string): Opened {
  if (path === "-") {
    const output = instantOutput(STANDARD_ERROR) ?? new BlockingOutput(standardError);
    return { output, identity: null };
  }
  const file = openLogFile(path);
  try {
    // A pipe that nobody reads cannot be opened so, fifo(7).
    using _reader = openReader(path);
    const identity = identityOf(path, file);
    const output = openInstantly(path);
    if (output === null) return { output: new BlockingOutput(file), identity };
    file.close();
    // Nobody rotates a pipe or a device: by its name it is most likely the one that it was.
    return { output, identity: identity ?? path };
  } catch (error) {
    file.close();
    throw error;
  }
}

function identityOf(path: string, file: Deno.FsFile): string | null {
  if (!mayRead(path)) return null;
  try {
    const { dev, ino } = file.statSync();
    return ino === null ? null : `${dev}:${ino}`;
  } catch {
    return null;
  }
}

/** Never closed: its number would go to the next file that is opened. */
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
