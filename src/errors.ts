/**
 * The errors that end denicorn, and the exit code of each.
 *
 * An error that reaches the command line is printed as its message alone: the message says what was
 * being done, with which value, and what to do about it.
 */

/** Exit codes of the manager, and of a proc towards its manager. */
export const ExitCode = {
  /** Stopped as asked. */
  ok: 0,
  /** Cannot bind, or another error of the system. */
  system: 1,
  /** Wrong usage or configuration. */
  usage: 2,
  /** A proc failed to boot, or procs crash again and again. */
  boot: 3,
  /** The app cannot be loaded. */
  app: 4,
} as const;

export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode];

/** An error with a message for people and an exit code for programs. */
export class DenicornError extends Error {
  readonly exitCode: ExitCode;

  constructor(message: string, exitCode: ExitCode, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
    this.exitCode = exitCode;
  }
}

/** The system refuses: a port in use, a file that cannot be opened, a user that does not exist. */
export class SystemError extends DenicornError {
  constructor(message: string, options?: ErrorOptions) {
    super(message, ExitCode.system, options);
  }
}

/** Wrong usage: an unknown flag or key, a bad value, YAML that does not parse. */
export class ConfigError extends DenicornError {
  constructor(message: string, options?: ErrorOptions) {
    super(message, ExitCode.usage, options);
  }
}

/** A proc did not become ready. */
export class BootError extends DenicornError {
  constructor(message: string, options?: ErrorOptions) {
    super(message, ExitCode.boot, options);
  }
}

/** The app cannot be loaded. `trace` is the app's own error and stack, without frames of ours. */
export class AppLoadError extends DenicornError {
  readonly trace: string;

  constructor(message: string, trace: string, options?: ErrorOptions) {
    super(message, ExitCode.app, options);
    this.trace = trace;
  }
}

/** What an error says, for a message that goes on with it. Anything may be thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
