/**
 * `listen()` of node:http in a thread: the requests of the app's server come from denicorn, and
 * nothing is bound. Express, Koa and Fastify all end here.
 */

import http, { type Server } from "node:http";
import https from "node:https";
import net from "node:net";
import process from "node:process";
import { answerWithNode } from "./exchange.ts";
import { NodeServer } from "./server.ts";
import { asksForWebSocket, upgradeWithNode } from "./upgrade.ts";
import type { FetchHandler } from "../fetch_handler.ts";
import type { AppAddr, OwnServer } from "../own_server.ts";

interface ListenOptions {
  readonly port?: number | string;
  readonly host?: string;
  readonly path?: string;
  readonly signal?: AbortSignal;
}

/** What net.Server has without telling TypeScript. */
interface ServerInternals {
  _handle: ListenHandle | null;
  _pipeName?: string;
}

/** The descriptor that net.Server believes to have: it asks for its address, and closes it. */
interface ListenHandle {
  getsockname?(out: { address?: string; port?: number; family?: string }): number;
  close(): void;
  ref(): void;
  unref(): void;
}

/**
 * Puts a `listen` in place, on the servers of node:http and node:https, that gives the server to
 * `own`. Returns what puts Node's back.
 */
export function replaceNodeListen(own: OwnServer): () => void {
  const prototypes = [http.Server.prototype, https.Server.prototype];
  const originals = prototypes.map((it) => Object.getOwnPropertyDescriptor(it, "listen")!);
  for (const [i, prototype] of prototypes.entries()) {
    const listen = function (this: Server, ...args: unknown[]): Server {
      return takeOver(own, this, args);
    };
    Object.defineProperty(prototype, "listen", { ...originals[i], value: listen });
  }
  const restoreNet = watchHttp2Listen(own);
  return () => {
    restoreNet();
    for (const [i, prototype] of prototypes.entries()) {
      Object.defineProperty(prototype, "listen", originals[i]!);
    }
  };
}

/**
 * Servers of node:http2 are not taken over, and who starts one waits in vain for its requests. They
 * are known by their name: the module itself is large, and most apps never load it.
 */
function watchHttp2Listen(own: OwnServer): () => void {
  const { prototype } = net.Server;
  const original = Object.getOwnPropertyDescriptor(prototype, "listen")!;
  const listen = function (this: net.Server, ...args: unknown[]): net.Server {
    if (/^Http2(?:Secure)?Server$/.test(this.constructor.name)) {
      own.passOver("listen() of node:http2", placeOf(optionsOf(args)));
    }
    return original.value.apply(this, args);
  };
  Object.defineProperty(prototype, "listen", { ...original, value: listen });
  return () => Object.defineProperty(prototype, "listen", original);
}

/** The overloads: (port, host?, backlog?, callback?), (path, …), (options, callback?), (handle, …). */
function takeOver(own: OwnServer, server: Server, args: unknown[]): Server {
  if (server.listening) {
    throw Object.assign(
      new Error("Listen method has been called more than once without closing."),
      { code: "ERR_SERVER_ALREADY_LISTEN" },
    );
  }
  const callback = args.at(-1);
  if (typeof callback === "function") server.once("listening", callback as () => void);
  const asked = optionsOf(args);
  const { signal } = asked;
  if (signal?.aborted) return server.close();
  signal?.addEventListener("abort", () => void server.close(), { once: true });

  const addr = own.addr ?? addrOf(asked);
  const node = new NodeServer(server, addr);
  const handler: FetchHandler = (request, info) => {
    const upgrades = server.listenerCount("upgrade") > 0 && asksForWebSocket(request);
    return (upgrades ? upgradeWithNode : answerWithNode)(node, request, info);
  };
  pretendToListen(server, addr, () => own.release(handler));
  const [app] = server.listeners("request");
  own.claim(handler, "listen()", placeOf(asked), app);
  process.nextTick(() => server.listening && server.emit("listening"));
  return server;
}

function optionsOf(args: readonly unknown[]): ListenOptions {
  const [first, second] = args;
  if (typeof first === "object" && first !== null) {
    // As Node: a port goes before a path, and a path that is false (SvelteKit's) is none.
    const { path, ...others } = first as ListenOptions;
    return others.port == null && path ? { ...others, path } : others;
  }
  // As Node tells them apart: what is no number is the path of a pipe.
  if (typeof first === "string" && !/^\d+$/.test(first)) return { path: first };
  const port = typeof first === "function" || first == null ? 0 : Number(first);
  return typeof second === "string" ? { port, host: second } : { port };
}

function placeOf({ path, port = 0 }: ListenOptions): string {
  return path ?? `port ${port}`;
}

function addrOf({ path, port = 0, host = "0.0.0.0" }: ListenOptions): AppAddr {
  return path === undefined
    ? { transport: "tcp", hostname: host, port: Number(port) }
    : { transport: "unix", path };
}

/** net.Server's own close(), address(), listening, ref() and unref() then do what they should. */
function pretendToListen(server: Server, addr: AppAddr, close: () => void): void {
  const internals = server as unknown as ServerInternals;
  const handle: ListenHandle = { close, ref() {}, unref() {} };
  if ("path" in addr) {
    internals._pipeName = addr.path;
  } else {
    handle.getsockname = (out) => {
      const family = addr.hostname.includes(":") ? "IPv6" : "IPv4";
      Object.assign(out, { address: addr.hostname, family, port: addr.port });
      return 0;
    };
  }
  internals._handle = handle;
}
