/** Hosts, as the Host field and `:authority` give them. */

/**
 * RFC 3986's host and port, without percent-encoding: `new URL()` would decode it, and the app would
 * then see another host in the URL than in the Host field.
 */
const HOST = /^(?:[a-z0-9\-._~!$&'()*+,;=]+|\[[0-9a-f:.]+\])(?::[0-9]{0,5})?$/i;

/** Valid hosts kept; a server sees few, and a client that sends many must not fill the memory. */
const MAX_KNOWN_HOSTS = 256;
const known = new Set<string>();
let last = "";

/** Whether a URL can be made of this host: checked once for each, since the same few come again. */
export function isValidHost(host: string): boolean {
  if (host === last || known.has(host)) return true;
  if (!HOST.test(host) || !URL.canParse(`http://${host}/`)) return false;
  if (known.size >= MAX_KNOWN_HOSTS) known.clear();
  known.add(last = host);
  return true;
}

/** Where the port begins in a valid host ("name:80" has 5, "[::1]:80" 6), or -1. */
export function portIndex(host: string): number {
  const colon = host.lastIndexOf(":");
  return colon > host.lastIndexOf("]") ? colon + 1 : -1;
}
