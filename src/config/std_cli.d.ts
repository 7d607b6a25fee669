/** What denicorn uses of @std/cli, which ships no types on npm. */

export interface ParseOptions {
  readonly string?: readonly string[];
  readonly boolean?: readonly string[];
  readonly negatable?: readonly string[];
  readonly collect?: readonly string[];
}

export interface ParsedArgs {
  /** What is no flag. */
  readonly _: readonly (string | number)[];
  readonly [flag: string]: unknown;
}

export function parseArgs(args: readonly string[], options?: ParseOptions): ParsedArgs;
