/** What made a boot fail or procs die, on its way from a proc to the log and the exit code. */

import {
  AppLoadError,
  BootError,
  ConfigError,
  type DenicornError,
  ExitCode,
  SystemError,
} from "../../errors.ts";

export interface Failure {
  readonly exitCode: number;
  readonly message: string;
  /** The app's own error and trace; empty where there is none. */
  readonly trace: string;
}

/** A proc did not come to serve, or serves no more. */
export function bootFailure(message: string): Failure {
  return { exitCode: ExitCode.boot, message, trace: "" };
}

/** For the log. */
export function withTrace({ message, trace }: Failure): string {
  return trace === "" ? message : `${message}\n${trace}`;
}

/** For the command line, which prints it and ends with its exit code. */
export function errorOf({ exitCode, message, trace }: Failure): DenicornError {
  switch (exitCode) {
    case ExitCode.app:
      return new AppLoadError(message, trace);
    case ExitCode.system:
      return new SystemError(message);
    case ExitCode.usage:
      return new ConfigError(message);
    default:
      return new BootError(withTrace({ exitCode, message, trace }));
  }
}
