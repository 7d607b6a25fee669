/** Why an address cannot be had, in words that help. */

import { type Bind, showBind } from "../../config/values/bind.ts";
import { messageOf, SystemError } from "../../errors.ts";
import { Errno, LibcError } from "../libc.ts";
import { type Patience, retryWhile } from "../retry.ts";
import { describePortHolder } from "./port_holder.ts";

/** Ports below this need privilege where the system does not say otherwise. */
const DEFAULT_UNPRIVILEGED_PORT = 1_024;

/**
 * Calls `open` until the address is free, a few times. Throws a SystemError that names the address.
 */
export async function whenFree<T>(bind: Bind, patience: Patience, open: () => T): Promise<T> {
  try {
    return await retryWhile(isInUse, showBind(bind), patience, open);
  } catch (error) {
    if (!isInUse(error)) throw bindFailure(bind, error);
    const why = bind.transport === "tcp"
      ? describePortHolder(bind.port)
      : "another server listens on it";
    throw new SystemError(
      `Cannot listen on ${showBind(bind)}: ${why}; stop that, or take another address`,
    );
  }
}

function isInUse(error: unknown): boolean {
  return error instanceof Deno.errors.AddrInUse ||
    error instanceof LibcError && error.errno === Errno.EADDRINUSE;
}

/** The same error in words that name the address. */
export function bindFailure(bind: Bind, error: unknown): SystemError {
  const what = `Cannot listen on ${showBind(bind)}`;
  const errno = error instanceof LibcError ? error.errno : 0;
  if (error instanceof Deno.errors.PermissionDenied || errno === Errno.EACCES) {
    const needs = bind.transport === "unix"
      ? `user ${Deno.uid()} must be allowed to write to its directory`
      : `ports below ${firstUnprivilegedPort()} need root or the capability CAP_NET_BIND_SERVICE`;
    return new SystemError(`${what}: not permitted (${needs})`, { cause: error });
  }
  const isMissing = error instanceof Deno.errors.NotFound || errno === Errno.ENOENT;
  if (isMissing && bind.transport === "unix") {
    return new SystemError(`${what}: its directory does not exist`, { cause: error });
  }
  if (error instanceof Deno.errors.AddrNotAvailable || errno === Errno.EADDRNOTAVAIL) {
    const why = "this machine has no such address; `ip address` shows those it has";
    return new SystemError(`${what}: ${why}`, { cause: error });
  }
  if (error instanceof SystemError) return error;
  return new SystemError(`${what}: ${messageOf(error)}`, { cause: error });
}

/** The first port that needs no privilege. */
export function firstUnprivilegedPort(): number {
  try {
    return Number(Deno.readTextFileSync("/proc/sys/net/ipv4/ip_unprivileged_port_start"));
  } catch {
    return DEFAULT_UNPRIVILEGED_PORT;
  }
}
