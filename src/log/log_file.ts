/** How the file of a log is opened. */

/** Written at its end, whoever else writes to it too. */
const APPEND: Deno.OpenOptions = { append: true, create: true, mode: 0o644 };

/**
 * Opens it without ever waiting. A named pipe that nobody reads would hold open(2) up until somebody
 * does, fifo(7), and with it the thread that takes signals or connections. So it is read here for as
 * long as that takes; what is written while nobody reads it is lost, and counted as such.
 *
 * @throws what Deno.openSync throws.
 */
export function openLogFile(path: string): Deno.FsFile {
  using _reader = openReader(path);
  return Deno.openSync(path, APPEND);
}

/**
 * Null where there is no pipe, or none that we may read: whoever may only write it has to wait for
 * its reader. It opens the pipe for writing as well: an end that only reads would wait for a writer.
 */
export function openReader(path: string): Deno.FsFile | null {
  const { NotCapable, PermissionDenied } = Deno.errors;
  if (!isPipe(path)) return null;
  try {
    return Deno.openSync(path, { read: true, write: true });
  } catch (error) {
    if (error instanceof PermissionDenied || error instanceof NotCapable) return null;
    throw error;
  }
}

/** False where it may not be looked at. */
function isPipe(path: string): boolean {
  if (!mayRead(path)) return false;
  try {
    return Deno.statSync(path).isFifo ?? false;
  } catch {
    return false;
  }
}

/** Whether Deno lets us look at it: without this question it would ask whoever sits at the terminal. */
export function mayRead(path: string): boolean {
  return Deno.permissions.querySync({ name: "read", path }).state === "granted";
}
