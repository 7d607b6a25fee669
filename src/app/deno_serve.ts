/** `Deno.serve` in a thread: the app's handler is served by denicorn, on denicorn's own binds. */

import type { FetchHandler } from "./fetch_handler.ts";
import type { AppAddr, OwnServer } from "./own_server.ts";

/** All that the overloads of Deno.serve take; the addresses are told to nobody. */
type ServeInit = Partial<
  & Omit<Deno.ServeTcpOptions, "transport" | "onListen">
  & Deno.ServeInit
  & { path: string; cid: number; onListen: (addr: Deno.Addr) => void }
>;

/** Deno's defaults. */
const DEFAULT_HOSTNAME = "0.0.0.0";
const DEFAULT_PORT = 8000;

/**
 * Puts a `Deno.serve` in place that gives the handler to `own` and binds nothing. Returns what puts
 * Deno's own back.
 */
export function replaceDenoServe(own: OwnServer): () => void {
  const original = Object.getOwnPropertyDescriptor(Deno, "serve")!;
  const serve = (first: unknown, second?: unknown) => {
    const [options, handler] = argumentsOf(first, second);
    return new TakenServer(own, options, handler);
  };
  const { enumerable = true } = original;
  Object.defineProperty(Deno, "serve", {
    value: serve,
    enumerable,
    writable: true,
    configurable: true,
  });
  return () => Object.defineProperty(Deno, "serve", original);
}

/** The overloads: (handler), (options, handler), (options with handler). Deno's checks and words. */
function argumentsOf(first: unknown, second: unknown): [ServeInit, Deno.ServeHandler] {
  if (typeof first === "function") return [{}, first as Deno.ServeHandler];
  const options = first as ServeInit | undefined;
  const handler = typeof second === "function" ? second : options?.handler;
  if (options === undefined && handler === undefined) {
    throw new TypeError(
      "Cannot serve HTTP requests: either a `handler` or `options` must be specified",
    );
  }
  if (typeof handler !== "function") {
    throw new TypeError(
      `Cannot serve HTTP requests: handler must be a function, received ${typeof handler}`,
    );
  }
  return [options ?? {}, handler as Deno.ServeHandler];
}

/** What the app holds for its server. */
class TakenServer implements Deno.HttpServer {
  readonly addr: AppAddr;
  readonly #own: OwnServer;
  readonly #handle: FetchHandler;
  readonly #finished = Promise.withResolvers<void>();
  #inFlight = 0;
  #closing = false;

  constructor(own: OwnServer, options: ServeInit, handler: Deno.ServeHandler) {
    this.#own = own;
    const asked = addrOf(options);
    this.addr = own.addr ?? asked;
    this.#handle = this.#counted(withOnError(handler, options.onError));
    own.claim(this.#handle, "Deno.serve()", describe(options, asked), handler);
    if (options.signal?.aborted) this.#abort();
    options.signal?.addEventListener("abort", () => this.#abort(), { once: true });
    options.onListen?.(this.addr);
  }

  get finished(): Promise<void> {
    this.#own.await();
    return this.#finished.promise;
  }

  /** No further request; resolves once the handler has answered those that it has. */
  shutdown(): Promise<void> {
    this.#closing = true;
    this.#own.release(this.#handle);
    if (this.#inFlight === 0) this.#finished.resolve();
    return this.#finished.promise;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.shutdown();
  }

  /** The thread lives as long as its proc wants it: there is nothing to hold or to let go. */
  ref(): void {}
  unref(): void {}

  #abort(): void {
    void this.shutdown();
    this.#finished.resolve();
  }

  /** Counts the requests in the handler, which `shutdown()` waits for. */
  #counted(handler: FetchHandler): FetchHandler {
    const done = () => {
      if (--this.#inFlight === 0 && this.#closing) this.#finished.resolve();
    };
    return (request, info) => {
      this.#inFlight++;
      let answer: Response | Promise<Response>;
      try {
        answer = handler(request, info);
      } catch (error) {
        done();
        throw error;
      }
      if (answer instanceof Promise) answer.then(done, done);
      else done();
      return answer;
    };
  }
}

/** Deno gives onError what the handler throws, and a return value that is no response. */
function withOnError(
  handler: FetchHandler,
  onError: ((error: unknown) => Response | Promise<Response>) | undefined,
): FetchHandler {
  if (onError === undefined) return handler;
  return async (request, info) => {
    try {
      const response = await handler(request, info);
      // A response made in another realm is none by instanceof; the thread knows how to read it.
      if (typeof response === "object" && response !== null) return response;
      throw new TypeError(
        "Return value from serve handler must be a response or a promise resolving to a response",
      );
    } catch (error) {
      return await onError(error);
    }
  };
}

function addrOf(options: ServeInit): AppAddr {
  if (options.path !== undefined) return { transport: "unix", path: options.path };
  const { hostname = DEFAULT_HOSTNAME, port = DEFAULT_PORT } = options;
  return { transport: "tcp", hostname, port };
}

function describe(options: ServeInit, addr: AppAddr): string {
  if (options.path !== undefined) return options.path;
  return "port" in addr && options.cid === undefined ? `port ${addr.port}` : `vsock ${options.cid}`;
}
