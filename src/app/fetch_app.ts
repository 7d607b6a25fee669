/** Loads a TypeScript or JavaScript app and finds what serves its requests. */

import type { Log } from "../log/record.ts";
import { sayWaiting } from "../log/say_waiting.ts";
import { type AppSpecifier, parseAppSpecifier } from "./app_specifier.ts";
import { replaceDenoServe } from "./deno_serve.ts";
import { type FetchHandler, hasFetch, servedBy } from "./fetch_handler.ts";
import { loadError, noExport, noHandler, noServer } from "./load_error.ts";
import { mainGuardIn } from "./main_guard.ts";
import { replaceNodeListen } from "./node_http/listen.ts";
import { OwnServer, type OwnServerOptions } from "./own_server.ts";
import { actAsProgram } from "./program.ts";
import { traceOf } from "./trace.ts";

/** How long an app that has started a server may go on at its top level before it is served. */
const TOP_LEVEL_AFTER_SERVER_MS = 250;

/** How long an app that exports something, but no handler, may take to start a server. */
const START_SERVER_MS = 5_000;

type Module = Readonly<Record<string, unknown>>;

/**
 * Imports the app and returns its handler. In this order an app is served by
 * the export that was named; its default export, with a `fetch` method or a function itself; the
 * server that it starts itself, with `Deno.serve` or `listen()` of node:http, at its top level or
 * later.
 *
 * @throws {AppLoadError} with the app's own trace.
 */
export async function loadFetchApp(
  specifier: string,
  log: Log,
  options: OwnServerOptions = {},
): Promise<FetchHandler> {
  const app = parseAppSpecifier(specifier);
  const own = new OwnServer(log, options);
  replaceDenoServe(own);
  replaceNodeListen(own);
  await actAsProgram(app);
  using uncaught = new Uncaught(app);
  return await Promise.race([load(app, own, log, options), uncaught.error]);
}

async function load(
  app: AppSpecifier,
  own: OwnServer,
  log: Log,
  options: OwnServerOptions,
): Promise<FetchHandler> {
  const imported = inApp<Module>(app, () => import(app.url));
  const module = await sayWaiting(
    app.name === null ? Promise.race([imported, topLevelNeverEnds(own)]) : imported,
    log,
    `${app.shown} to be loaded: an await at its top level has not ended`,
  );
  if (module === null) {
    // The import goes on behind the server; what it throws then is an error of the running app.
    imported.catch(({ cause }) => log.error(traceOf(cause)));
    return own.handle;
  }
  if (app.name === null && !("default" in module)) {
    return await ownServerOf(app, module, own, log);
  }
  const value = await exported(module, app);
  const { listener, handler } = await inApp(app, () => servedBy(value));
  if (listener !== null) {
    // An Express, Koa or Fastify app, or a server of node:http: it may have called listen() itself.
    if (!own.isClaimed) await inApp(app, () => void listener.listen({ port: 0 }));
    await sayWaiting(own.claimed, log, `${app.shown} to listen`);
    return own.handle;
  }
  if (handler === null) {
    // Some export the server that they have started, for their tests.
    if (app.name === null && own.isClaimed) return own.handle;
    // An object is what a CommonJS module exports where it exports nothing.
    if (app.name === null && isCommonJs(module) && isObject(value)) {
      return await ownServerOf(app, value, own, log);
    }
    throw noHandler(app, value);
  }
  const { addr } = options;
  if (addr !== undefined) await inApp(app, () => hasFetch(value) && value.onListen?.(addr));
  own.refuse(`its export ${app.name ?? "default"} is served`);
  return handler;
}

/** Many apps end in `await server.finished`: with a server, a top level without end is no fault. */
async function topLevelNeverEnds(own: OwnServer): Promise<null> {
  await own.claimed;
  const later = Promise.withResolvers<void>();
  const timer = setTimeout(later.resolve, TOP_LEVEL_AFTER_SERVER_MS);
  await Promise.race([own.awaited, later.promise]);
  clearTimeout(timer);
  return null;
}

/** The app exports no handler: it has a server of its own by now, or starts one. */
async function ownServerOf(
  app: AppSpecifier,
  module: Module,
  own: OwnServer,
  log: Log,
): Promise<FetchHandler> {
  const exports = Object.keys(module);
  const guard = guardOf(app);
  const waited = Promise.withResolvers<never>();
  // One that exports nothing can only mean to start a server: boot_timeout is its limit. But here it
  // may have asked whether it is the program, and have been told no.
  const timer = exports.length === 0 && guard === null
    ? undefined
    : setTimeout(() => waited.reject(noServer(app, exports, guard)), START_SERVER_MS);
  const waitingFor = `${app.shown} to start a server (Deno.serve(), listen()), since it exports ` +
    (exports.length === 0 ? "nothing" : `${exports.join(", ")} and no default`) +
    (guard === null ? "" : `, and ${guard} does not hold here`) +
    "; or add `export default { fetch }`";
  try {
    await sayWaiting(Promise.race([own.claimed, waited.promise]), log, waitingFor);
  } finally {
    clearTimeout(timer);
  }
  return own.handle;
}

/** How the app's source asks whether it is the program, or null; null as well where that may not be read. */
function guardOf({ url }: AppSpecifier): string | null {
  try {
    return mainGuardIn(Deno.readTextFileSync(new URL(url)));
  } catch {
    return null;
  }
}

/** The value of the export; a factory is called, a promise of an app awaited. */
async function exported(module: Module, app: AppSpecifier): Promise<unknown> {
  const name = app.name ?? "default";
  if (!Object.hasOwn(module, name)) throw noExport(app, Object.keys(module));
  const value = app.name === null && isCommonJs(module) ? defaultOf(module) : module[name];
  return await inApp(app, () => app.call && typeof value === "function" ? value() : value);
}

/** Of a CommonJS module Node and Deno call the whole of what it exports the default as well. */
function isCommonJs(module: Module): boolean {
  return "module.exports" in module && module["module.exports"] === module["default"];
}

/** The default that the author wrote, where an ECMAScript module was compiled to a CommonJS one. */
function defaultOf({ default: exports }: Module): unknown {
  return isObject(exports) && exports["__esModule"] === true && "default" in exports
    ? exports["default"]
    : exports;
}

function isObject(value: unknown): value is Module {
  return typeof value === "object" && value !== null;
}

/** Runs app code that belongs to loading; what it throws is the app's error. */
async function inApp<T>(app: AppSpecifier, run: () => T | Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    throw loadError(app, error);
  }
}

/**
 * An error that nobody catches ends `deno run`, so it ends the loading here: an app that starts
 * asynchronously and fails would otherwise be waited for until boot_timeout.
 */
class Uncaught {
  readonly error: Promise<never>;
  readonly #abort = new AbortController();

  constructor(app: AppSpecifier) {
    const { promise, reject } = Promise.withResolvers<never>();
    this.error = promise;
    const { signal } = this.#abort;
    globalThis.addEventListener("unhandledrejection", (event) => {
      event.preventDefault();
      reject(loadError(app, event.reason));
    }, { signal });
    globalThis.addEventListener("error", (event) => {
      event.preventDefault();
      reject(loadError(app, event.error));
    }, { signal });
  }

  [Symbol.dispose](): void {
    this.#abort.abort();
  }
}
