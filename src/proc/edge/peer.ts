/** The other end of a connection, as far as it is known before the first request. */

import type { TrustedPeers } from "../../config/values/cidr.ts";
import { type Introduction, isTls } from "./arrival.ts";

/** How Deno begins the URLs of requests that come over a unix socket. */
export const UNIX_ORIGIN = "http+unix://";

/** What every request of a connection has in common. */
export interface PeerFacts {
  /** The client's address, or that of the last proxy; "" for a unix socket. */
  readonly remoteHost: string;
  /** 0 for a unix socket. */
  readonly remotePort: number;
  /** What the client speaks: the connection's own scheme, or what the PROXY protocol says of it. */
  readonly scheme: "http" | "https";
  /** How Deno begins the URLs of this connection's requests: "http://", "https://", … */
  readonly origin: string;
  /** Whether its forwarding fields are believed (`forwarded_allow_ips`). */
  readonly trusted: boolean;
  /** The connection's own end as the environ of WSGI has it: address, tab, port; 0 for a unix socket. */
  readonly local: string;
}

/**
 * Puts together what the connection and its PROXY header say. A client that such a header names is
 * the peer from then on: its forwarding fields count if it is trusted itself, since a proxy that
 * passes bytes on passes the client's fields on as well.
 */
export function describePeer(
  connection: Deno.Conn,
  { proxyHeader }: Introduction,
  trusted: TrustedPeers,
): PeerFacts {
  const { remoteAddr, localAddr } = connection;
  const local = localAddr.transport === "tcp" ? `${localAddr.hostname}\t${localAddr.port}` : "\t0";
  const own = isTls(connection) ? "https" : "http";
  const scheme = proxyHeader?.secure ? "https" : own;
  const unix = remoteAddr.transport !== "tcp";
  const origin = unix ? UNIX_ORIGIN : `${own}://`;
  const source = proxyHeader?.source ?? null;
  if (source !== null) {
    return {
      remoteHost: source.address,
      remotePort: source.port,
      scheme,
      origin,
      trusted: trusted.has(source.address),
      local,
    };
  }
  return {
    remoteHost: unix ? "" : remoteAddr.hostname,
    remotePort: unix ? 0 : remoteAddr.port,
    scheme,
    origin,
    trusted: unix ? trusted.unix : trusted.has(remoteAddr.hostname),
    local,
  };
}
