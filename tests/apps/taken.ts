/** Loads an app that starts a node:http server, once for a whole test file, and asks it. */

import { loadFetchApp } from "../../src/app/fetch_app.ts";
import { createLog } from "../../src/log/record.ts";

const ADDR: Deno.NetAddr = { transport: "tcp", hostname: "127.0.0.1", port: 4567 };
const REMOTE: Deno.NetAddr = { transport: "tcp", hostname: "192.0.2.1", port: 99 };

/** Answers one request for `path` of the app. */
export type Ask = (path: string, init?: RequestInit) => Promise<Response>;

export async function take(app: string): Promise<{ ask: Ask; log: string[] }> {
  const log: string[] = [];
  const logger = createLog("info", "test", ({ message }) => {
    // Whether it is loaded soon enough is the machine's affair.
    if (!message.startsWith("Still waiting for ")) log.push(message);
  });
  const specifier = app.includes(":") ? app : new URL(`./${app}`, import.meta.url).href;
  const handler = await loadFetchApp(specifier, logger, { addr: ADDR });
  const ask: Ask = async (path, init) => {
    const request = new Request(`http://app.test${path}`, init);
    if (!request.headers.has("host")) request.headers.set("host", "app.test");
    return await handler(request, { remoteAddr: REMOTE, completed: Promise.resolve() });
  };
  return { ask, log };
}
