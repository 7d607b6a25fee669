/** The Python side, as modules of the embedded interpreter. */

import type { Api } from "../python/symbols.ts";
import { runModule } from "../python/objects.ts";
import byteRing from "./python/byte_ring.py" with { type: "text" };
import context from "./python/context.py" with { type: "text" };
import denicorn from "./python/denicorn.py" with { type: "text" };
import environ from "./python/environ.py" with { type: "text" };
import executors from "./python/executors.py" with { type: "text" };
import gateway from "./python/gateway.py" with { type: "text" };
import guestQueues from "./python/guest_queues.py" with { type: "text" };
import loading from "./python/loading.py" with { type: "text" };
import openFiles from "./python/open_files.py" with { type: "text" };
import ownThreads from "./python/own_threads.py" with { type: "text" };
import process from "./python/process.py" with { type: "text" };
import response from "./python/response.py" with { type: "text" };
import room from "./python/room.py" with { type: "text" };
import signals from "./python/signals.py" with { type: "text" };
import socketCalls from "./python/socket_calls.py" with { type: "text" };
import socketRing from "./python/socket_ring.py" with { type: "text" };
import sources from "./python/sources.py" with { type: "text" };
import stacks from "./python/stacks.py" with { type: "text" };
import streams from "./python/streams.py" with { type: "text" };
import traces from "./python/traces.py" with { type: "text" };
import yimmo from "./python/yimmo.py" with { type: "text" };

/** In an order in which each finds those that it imports. */
const SOURCES = {
  traces,
  stacks,
  loading,
  signals,
  executors,
  own_threads: ownThreads,
  open_files: openFiles,
  process,
  sources,
  environ,
  response,
  streams,
  context,
  byte_ring: byteRing,
  room,
  socket_ring: socketRing,
  guest_queues: guestQueues,
  denicorn,
  yimmo,
  socket_calls: socketCalls,
  gateway,
};

/** Those that apps import. */
const PUBLIC: ReadonlySet<string> = new Set(["denicorn", "yimmo"]);

/**
 * Makes the modules, once in a process. They are run from text, not from files, since there are none
 * in a compiled binary. Under the GIL.
 */
export function createModules(api: Api): void {
  for (const [name, source] of Object.entries(SOURCES)) {
    api.Py_DecRef(runModule(api, moduleName(name), `<denicorn/${name}.py>`, source));
  }
}

/** As Python knows it. */
export function moduleName(name: string): string {
  return PUBLIC.has(name) ? name : `_denicorn_${name}`;
}
