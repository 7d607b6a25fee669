/** What is at a path, for messages that say what is wrong with it. */

/** Null where that may not be looked at, by the system's permissions or Deno's. */
export function kindOf(path: string): "file" | "directory" | "nothing" | null {
  try {
    return Deno.statSync(path).isDirectory ? "directory" : "file";
  } catch (error) {
    const { NotADirectory, NotFound } = Deno.errors;
    return error instanceof NotFound || error instanceof NotADirectory ? "nothing" : null;
  }
}
