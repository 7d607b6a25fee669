/** `timeout_warning`: who takes long is told of before its time is over. */

import type { Config } from "../../config/config.ts";

/** From when on an exchange is told of, milliseconds; Infinity for never. */
export function warningMs({ timeout, timeout_warning }: Config): number {
  return timeout > 0 && timeout_warning > 0 ? timeout * timeout_warning * 1_000 : Infinity;
}

export function describeSlow(
  { method, url }: Request,
  ageMs: number,
  { timeout }: Config,
): string {
  return `No response for ${
    (ageMs / 1_000).toFixed(1)
  } s, and timeout is ${timeout} s: ${method} ${url}`;
}
