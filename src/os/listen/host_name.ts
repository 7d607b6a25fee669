/** From the host that a bind names to the address that is bound. */

import type { Bind } from "../../config/values/bind.ts";
import { interfaceIndex } from "../sockets/address.ts";
import { bindFailure } from "./bind_failure.ts";
import { libcUnavailable } from "../libc.ts";

/**
 * The address of a host name, found by the resolver that Deno itself listens with. What is an address
 * already is returned as it is, once its zone is known to be one of this machine's. Throws SystemError.
 */
export function resolveHost(bind: Extract<Bind, { transport: "tcp" }>): string {
  const { hostname } = bind;
  if (/^[\d.]+$|:/.test(hostname)) {
    const [, zone] = hostname.split("%");
    if (zone !== undefined && libcUnavailable() === null) interfaceIndex(zone);
    return hostname;
  }
  try {
    using probe = Deno.listen({ hostname, port: 0 });
    return probe.addr.hostname;
  } catch (error) {
    throw bindFailure(bind, error);
  }
}
