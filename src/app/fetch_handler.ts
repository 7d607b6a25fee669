/** What serves the requests of an app, and what an export has to be to be that. */

/** What the thread (or, inline, the server) calls for every exchange. */
export type FetchHandler = (
  request: Request,
  info: Deno.ServeHandlerInfo,
) => Response | Promise<Response>;

/** What an export is. To be called as the app's code: its properties may be getters, which may throw. */
export function servedBy(
  value: unknown,
): { readonly listener: Listening | null; readonly handler: FetchHandler | null } {
  return { listener: isListener(value) ? value : null, handler: handlerOf(value) };
}

/** The handler that an export is, or null. */
function handlerOf(value: unknown): FetchHandler | null {
  // Read anew each time, as `deno serve` does: an app may replace its fetch.
  if (hasFetch(value)) return (request, info) => value.fetch(request, info);
  if (typeof value !== "function" || isClass(value)) return null;
  return (request, info) => value(request, info);
}

interface FetchObject {
  readonly fetch: FetchHandler;
  readonly onListen?: (addr: Deno.Addr) => void;
}

export function hasFetch(value: unknown): value is FetchObject {
  return (typeof value === "object" || typeof value === "function") && value !== null &&
    "fetch" in value && typeof value.fetch === "function";
}

interface Listening {
  listen(options: { port: number }): unknown;
}

function isListener(value: unknown): value is Listening {
  return (typeof value === "object" || typeof value === "function") && value !== null &&
    !hasFetch(value) && "listen" in value && typeof value.listen === "function";
}

// The border to untyped code: an app's function is called with what every fetch handler is given.
// deno-lint-ignore ban-types
function isClass(value: Function): boolean {
  return /^class\b/.test(Function.prototype.toString.call(value));
}
