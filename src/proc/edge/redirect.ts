/** Plain addresses that lead to https (`redirect_bind`). */

import { createResponse } from "../../deno/response.ts";
import { portIndex } from "./host.ts";

/**
 * Where a request is to go instead. A client that came by the default port stays on the default port,
 * since a container or a firewall may map it to another one here; a client that named a port is led to
 * the server's own.
 */
export function httpsUrl(url: string, tlsPort: number): string {
  const start = url.indexOf("//") + 2;
  const slash = url.indexOf("/", start);
  const host = url.slice(start, slash);
  const colon = portIndex(host);
  const name = colon < 0 ? host : host.slice(0, colon - 1);
  const port = colon < 0 || host.slice(colon) === "80" || tlsPort === 443 ? "" : `:${tlsPort}`;
  return `https://${name}${port}${url.slice(slash)}`;
}

/** RFC 9110, 15.4.9: for good, and with the same method. */
export const REDIRECT_STATUS = 308;

export function redirect(url: string, tlsPort: number): Response {
  const fields: [string, string][] = [
    ["location", encodeTarget(httpsUrl(url, tlsPort))],
    ["content-length", "0"],
  ];
  return createResponse(REDIRECT_STATUS, fields, null);
}

/** Targets may come as raw UTF-8, which a header field cannot hold. */
function encodeTarget(url: string): string {
  return url.replace(/[^\x21-\x7e]+/g, (text) => encodeURI(text.toWellFormed()));
}
