/** What the command line hands to the solo process (`workers: 0`). */

import type { Config } from "../config/config.ts";

/** Plain data: it crosses an execve(2) as JSON. */
export interface SoloStart {
  readonly config: Config;
  /** The configuration file that was read, or null. */
  readonly file: string | null;
  /** One line each, for the error log. */
  readonly warnings: readonly string[];
  /** How long the program had run when it gave its place to this one; 0 where it has not. */
  readonly ranForMs: number;
}
