/** The Python side of a thread (python/gateway.py), as handles that its loop calls. */

import type { Config } from "../config/config.ts";
import { SOFTWARE } from "../config/version.ts";
import { AppLoadError } from "../errors.ts";
import type { WsgiBoot } from "../protocol/wsgi/wsgi.ts";
import { createFunction } from "../python/function.ts";
import { LEVELS } from "../log/record.ts";
import {
  attribute,
  callMethod,
  fromText,
  importModule,
  toText,
  viewOf,
} from "../python/objects.ts";
import type { Api, Handle } from "../python/symbols.ts";
import { moduleName } from "./modules.ts";

/** As in python/context.py. */
export const FINISH = 1;
export const MORE = 2;
export const ASCII = 4;
export const HEAD_SENT = -1;
export const UPGRADE = -2;

/** What the Python side calls. Under the GIL. */
export interface GatewayCalls {
  /** Sends a message at once; false when nobody waits for it. The handle is borrowed. */
  send(message: Handle): boolean;
  /** Waits for more of the request's streamed body: bytes, or None. Owned by Python. */
  receive(): Handle;
  log(level: string, message: string): void;
  /** What was written for the server is to be looked at; it sleeps. */
  wake(): void;
}

/** Constants and bound methods; all of them live as long as the thread. */
export interface Gateway {
  readonly none: Handle;
  readonly true: Handle;
  readonly false: Handle;
  readonly begin: Handle;
  readonly upgrade: Handle;
  readonly run: Handle;
  readonly more: Handle;
  readonly finish: Handle;
  newNone(): Handle;
  tearDown(patienceMs: number): void;
}

/** Makes a gateway; the first one in a process imports the app. Throws AppLoadError. Under the GIL. */
export function createGateway(
  api: Api,
  { id, config, ringOut, ringIn, words }: WsgiBoot,
  calls: GatewayCalls,
): Gateway {
  const builtins = importModule(api, "builtins");
  const [none, yes, no] = ["None", "True", "False"].map((it) => attribute(api, builtins, it)) as [
    Handle,
    Handle,
    Handle,
  ];
  const given = (handle: Handle) => {
    api.Py_IncRef(handle);
    return handle;
  };
  const send = createFunction(api, "send", (message) => given(calls.send(message) ? yes : no));
  const receive = createFunction(api, "receive", () => calls.receive());
  const log = createFunction(api, "log", (line) => {
    const text = toText(api, line);
    const split = text.indexOf("\n");
    calls.log(text.slice(0, split), text.slice(split + 1));
    return given(none);
  });

  const wake = createFunction(api, "wake", () => {
    calls.wake();
    return given(none);
  });

  const module = importModule(api, moduleName("gateway"));
  const settings = fromText(api, JSON.stringify({ thread: id, ...settingsOf(config) }));
  const memory = [ringOut.words, ringOut.control, ringIn.words, ringIn.control, words];
  const views = memory.map((it) => viewOf(api, it));
  const created = callMethod(api, module, "create", settings, send, receive, log, wake, ...views);
  const gateway = api.PyTuple_GetItem(created, 0n);
  if (gateway === none) {
    const [message, trace] = [1n, 2n].map((i) => toText(api, api.PyTuple_GetItem(created, i)));
    throw new AppLoadError(message!, trace!);
  }
  return {
    none,
    true: yes,
    false: no,
    begin: attribute(api, gateway, "begin"),
    upgrade: attribute(api, gateway, "upgrade"),
    run: attribute(api, gateway, "run"),
    more: attribute(api, gateway, "more"),
    finish: attribute(api, gateway, "finish"),
    newNone: () => given(none),
    tearDown(patienceMs) {
      const process = importModule(api, moduleName("process"));
      const patience = api.PyLong_FromLong(BigInt(patienceMs));
      const result = callMethod(api, process, "tear_down", patience);
      for (const handle of [result, process]) api.Py_DecRef(handle);
    },
  };
}

function settingsOf(config: Config) {
  return {
    app: config.app,
    script_name: config.script_name,
    multithread: config.threads > 1,
    multiprocess: config.workers > 1,
    software: SOFTWARE,
    patience: patienceOf(config),
    levels: levelsOf(config),
  };
}

/** The levels that are logged, with their numbers. */
function levelsOf({ log_level }: Config): Record<string, number> {
  const lowest = LEVELS.indexOf(log_level);
  return Object.fromEntries(LEVELS.map((level, i) => [level, i]).slice(lowest));
}

/**
 * How long a WebSocket's send may wait for its client, seconds; null: for ever. A callback that waits
 * must not be taken for one that hangs.
 */
function patienceOf({ timeout, write_timeout }: Config): number | null {
  const patience = Math.min(write_timeout || Infinity, timeout / 2 || Infinity);
  return patience === Infinity ? null : patience;
}
