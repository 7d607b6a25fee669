/** Runs in the thread of the hooks: loads the user's module, and calls what it exports. */

import { nearest } from "../config/nearest.ts";
import { GUNICORN_HOOKS, HOOK_NAMES, type HookName } from "./hooks.ts";
import type { FromHooks, HookCall, ToHooks } from "./messages.ts";

/** A hook as it is called here: the types were checked where the call was made. */
type Hook = (...args: readonly unknown[]) => unknown;

// deno-lint-ignore no-explicit-any -- the scope of a worker is not in the types of a program
const scope = globalThis as any;
const hooks = new Map<HookName, Hook>();

function post(message: FromHooks): void {
  scope.postMessage(message);
}

scope.onmessage = ({ data }: MessageEvent<ToHooks>) => {
  if (data.type === "load") return load(data.module);
  post({ type: "taken", count: data.calls.length });
  for (const call of data.calls) run(call);
};

// Without these, an error outside of any hook would end the process.
scope.addEventListener("error", (event: ErrorEvent) => {
  event.preventDefault();
  post({ type: "failed", name: null, error: describe(event.error) });
});
scope.addEventListener("unhandledrejection", (event: PromiseRejectionEvent) => {
  event.preventDefault();
  post({ type: "failed", name: null, error: describe(event.reason) });
});

async function load(module: string): Promise<void> {
  try {
    const exported = await import(module);
    refuseMisspelled({ ...exported.default, ...exported });
    for (const name of HOOK_NAMES) {
      const hook = exported[name] ?? exported.default?.[name];
      if (hook === undefined) continue;
      if (typeof hook !== "function") throw new TypeError(`${name} is no function`);
      hooks.set(name, hook.bind(exported.default));
    }
    post({ type: "loaded", names: [...hooks.keys()] });
  } catch (error) {
    post({ type: "load_failed", error: describe(error) });
  }
}

/** A hook that is never called would be missed when it is too late. Other functions may be exported. */
function refuseMisspelled(exported: Readonly<Record<string, unknown>>): void {
  for (const [name, value] of Object.entries(exported)) {
    if (typeof value !== "function" || HOOK_NAMES.some((known) => known === name)) continue;
    const meant = GUNICORN_HOOKS[name] ?? nearest(name, HOOK_NAMES);
    if (meant === null) continue;
    throw new TypeError(`${name} is no hook; did you mean ${meant}? (docs/hooks.md)`);
  }
}

async function run({ id, name, args }: HookCall): Promise<void> {
  try {
    await hooks.get(name)?.(...args);
  } catch (error) {
    post({ type: "failed", name, error: describe(error) });
  }
  if (id !== 0) post({ type: "ended", id });
}

/** With the module's own frames alone. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return Deno.inspect(error);
  const lines = (error.stack ?? `${error}`).split("\n");
  return lines.filter((line) => !/^\s+at /.test(line) || !line.includes(import.meta.url)).join(
    "\n",
  );
}
