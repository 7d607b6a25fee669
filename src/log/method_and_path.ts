/** How the error log names a request, and whoever sends it. */

/**
 * `GET /path`. Without the query and the user of its URL, which may hold what no log should: tokens,
 * passwords. (The access log has what its format asks for.)
 */
export function methodAndPath(
  { method, url }: { readonly method: string; readonly url: string },
): string {
  const bare = url.replace(/[?#].*$/s, "");
  const path = bare.indexOf("/", bare.indexOf("//") + 2);
  return `${method} ${path < 0 ? "/" : bare.slice(path)}`;
}

/** The same of a head, as it crosses the queues: its first two lines. */
export function methodAndPathOf(head: string): string {
  const [method = "", url = ""] = head.split("\n", 2);
  return methodAndPath({ method, url });
}

/** A client by its address; those of a unix socket have none. */
export function clientName(remoteHost: string): string {
  return remoteHost === "" ? "a unix socket" : remoteHost;
}
