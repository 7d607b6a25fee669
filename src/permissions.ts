/** What Deno has to permit, and how that is said to somebody who has started the program without it. */

import { ConfigError } from "./errors.ts";

/** All that is of use; SECURITY.md says what for. */
const USEFUL = ["env", "read", "net", "run", "sys", "write", "ffi"] as const;

/**
 * Throws a ConfigError that names what lacks, where not even the configuration can be read. Asked
 * rather than tried, since at a terminal Deno would ask a person for each, one after another.
 */
export function requirePermissions(): void {
  const canRead = isGranted({ name: "read", path: "." }) && isGranted({ name: "env" });
  if (canRead) return;
  const lacking = USEFUL.filter((name) => !isGranted({ name })).join(", ");
  throw new ConfigError(
    `Deno does not permit what a server needs: ${lacking}; ` +
      `start it with "deno run -A", or with the permissions that SECURITY.md explains`,
  );
}

function isGranted(descriptor: Deno.PermissionDescriptor): boolean {
  return Deno.permissions.querySync(descriptor).state === "granted";
}
