/**
 * Binds each TCP address once, alone, before any proc does: the procs bind with SO_REUSEPORT, which
 * would quietly share the port with a server that somebody else (of the same user) runs on it.
 *
 * The catch: between the probe and the procs' bind, another program may take the port. If it does not
 * share it, the proc's bind fails, with the same message; if it does, nothing can tell.
 */

import type { Bind } from "../config/config.ts";
import { SystemError } from "../errors.ts";
import { describePortHolder } from "./port_holder.ts";

/**
 * Returns the addresses with port 0 replaced by a free port, the same one for all procs. Throws
 * SystemError where one cannot be bound.
 *
 * @param ours Addresses that this very server already holds (at a reload), which need no probe.
 */
export function probe(binds: readonly Bind[], ours: readonly Bind[] = []): Bind[] {
  return binds.map((bind) => {
    if (bind.transport !== "tcp" || ours.some((held) => isSame(held, bind))) return bind;
    return { ...bind, port: probeTcp(bind.hostname, bind.port) };
  });
}

function probeTcp(hostname: string, port: number): number {
  const address = formatAddress(hostname, port);
  try {
    using listener = Deno.listen({ hostname, port });
    return (listener.addr as Deno.NetAddr).port;
  } catch (error) {
    if (error instanceof Deno.errors.AddrInUse) {
      throw new SystemError(
        `Cannot bind ${address}: the port is in use (${describePortHolder(port)})`,
      );
    }
    if (error instanceof Deno.errors.PermissionDenied) {
      throw new SystemError(
        `Cannot bind ${address}: not permitted (ports below 1024 need root or the capability ` +
          `CAP_NET_BIND_SERVICE)`,
      );
    }
    if (error instanceof Deno.errors.AddrNotAvailable) {
      throw new SystemError(`Cannot bind ${address}: this machine has no such address`);
    }
    throw new SystemError(
      `Cannot bind ${address}: ${error instanceof Error ? error.message : error}`,
    );
  }
}

function isSame(a: Bind, b: Bind): boolean {
  return a.transport === "tcp" && b.transport === "tcp" && a.hostname === b.hostname &&
    a.port === b.port;
}

function formatAddress(hostname: string, port: number): string {
  return hostname.includes(":") ? `[${hostname}]:${port}` : `${hostname}:${port}`;
}
