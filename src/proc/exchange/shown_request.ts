/** What an inline app is shown where that is not what Deno has made of the request. */

import { ServeHandlerInfo } from "../../app/serve_info.ts";
import { createRequest } from "../../deno/app_request.ts";
import { parseFields } from "../../protocol/head.ts";
import type { RequestHead } from "../edge/head_check.ts";

/** The request with what its head says, and this body. */
export function shownRequest(
  request: Request,
  { url, head, asksSocket }: RequestHead,
  body: ReadableStream<Uint8Array<ArrayBuffer>> | null,
): Request {
  if (asksSocket && body === null) {
    // Deno.upgradeWebSocket() takes Deno's own request alone; a handshake has no body. The first two
    // lines are method and URL.
    const fields = parseFields(head, head.indexOf("\n", head.indexOf("\n") + 1) + 1);
    return Object.defineProperties(request, {
      url: { value: url },
      headers: { value: new Headers(fields), configurable: true },
    });
  }
  return createRequest({
    head,
    body: body === null ? null : () => body,
    onAbort(callback) {
      const { signal } = request;
      if (signal.aborted) callback();
      else signal.addEventListener("abort", callback, { once: true });
    },
  });
}

/** The client as trusted proxies tell; `info` says when the response is out. */
export function shownInfo(
  { remoteHost: hostname, remotePort: port }: RequestHead,
  info: Deno.ServeHandlerInfo,
): Deno.ServeHandlerInfo {
  const remoteAddr: Deno.Addr = hostname === ""
    ? { transport: "unix", path: "" }
    : { transport: "tcp", hostname, port };
  const source = {
    remoteAddr,
    get completed() {
      return info.completed;
    },
  };
  return new ServeHandlerInfo(source) as Deno.ServeHandlerInfo;
}
