/** How the program ends where it cannot go on: one message, and its exit code. */

import { AppLoadError, DenicornError, ExitCode } from "../errors.ts";
import { Destination } from "./destination.ts";
import type { ErrorLog, LogConfig } from "./log_writer.ts";
import { describe } from "./uncaught.ts";

/** Runs the program; an error becomes a message on standard error and its exit code. */
export async function exitCodeOf(run: () => Promise<ExitCode>): Promise<ExitCode> {
  try {
    return await run();
  } catch (error) {
    sayLast(`denicorn: ${textOf(error)}\n`);
    if (error instanceof Deno.errors.NotCapable) return ExitCode.usage;
    // Not thrown on: surviveUncaughtErrors() would swallow a fault of ours, and the exit code be 0.
    return error instanceof DenicornError ? error.exitCode : ExitCode.system;
  }
}

/** Runs what logs, and closes its log. Who keeps the log in a file looks for the reason there. */
export async function withLog(
  { error_log }: LogConfig,
  log: ErrorLog,
  run: () => Promise<ExitCode>,
): Promise<ExitCode> {
  try {
    return await run();
  } catch (error) {
    if (error_log !== "-") log.critical(textOf(error));
    throw error;
  } finally {
    log.close();
  }
}

function textOf(error: unknown): string {
  if (error instanceof Deno.errors.NotCapable) return `Deno does not permit it: ${error.message}`;
  if (!(error instanceof DenicornError)) return `A fault of denicorn's own: ${describe(error)}`;
  const trace = error instanceof AppLoadError ? error.trace : "";
  return trace === "" ? error.message : `${error.message}\n${trace}`;
}

/** The reason of an end on standard error, which waits for a bounded time for a reader. */
function sayLast(text: string): void {
  const standardError = new Destination("-", () => "");
  standardError.write(text);
  standardError.close();
}

/** Writes text as far as it can be written: `denicorn --help | head -1` is no error. */
export function say(stream: { writeSync(bytes: Uint8Array): number }, text: string): void {
  let bytes = new TextEncoder().encode(text);
  try {
    while (bytes.length > 0) bytes = bytes.subarray(stream.writeSync(bytes));
  } catch {
    // Nobody reads.
  }
}
