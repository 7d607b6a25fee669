/**
 * denicorn: a pre-fork application server for Deno.
 *
 * `deno run -A mod.ts [OPTIONS] APP`
 *
 * @module
 */

export type {
  ExitInfo,
  HookResult,
  Hooks,
  ManagerInfo,
  ProcInfo,
  RequestInfo,
  ResponseInfo,
} from "./src/hooks/hooks.ts";

import { ControlEnv } from "./src/protocol/control/control.ts";

if (import.meta.main) {
  // One program, two roles: a proc is started by its manager, which says so in the environment. Procs
  // have all permissions: where the variable may not be read this is none, and Deno would ask for it.
  const variable = { name: "env", variable: ControlEnv.path } as const;
  const { state } = Deno.permissions.querySync(variable);
  if (state === "granted" && Deno.env.has(ControlEnv.path)) {
    const { main } = await import("./src/proc/main.ts");
    await main();
  } else {
    const { main } = await import("./src/cli.ts");
    await main(Deno.args);
  }
}
