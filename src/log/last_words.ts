/** How the program ends where it cannot go on: one message, and its exit code. */

import { AppLoadError, DenicornError, ExitCode } from "../errors.ts";
import type { ErrorLog, LogConfig } from "./log_writer.ts";

/** Runs the program; an error of ours becomes a message on standard error and its exit code. */
export async function exitCodeOf(run: () => Promise<ExitCode>): Promise<ExitCode> {
  try {
    return await run();
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) {
      say(Deno.stderr, `denicorn: Deno does not permit it: ${error.message}\n`);
      return ExitCode.usage;
    }
    if (!(error instanceof DenicornError)) throw error;
    say(Deno.stderr, `denicorn: ${textOf(error)}\n`);
    return error.exitCode;
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
    if (error instanceof DenicornError && error_log !== "-") log.critical(textOf(error));
    throw error;
  } finally {
    log.close();
  }
}

function textOf(error: DenicornError): string {
  const trace = error instanceof AppLoadError ? error.trace : "";
  return trace === "" ? error.message : `${error.message}\n${trace}`;
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
