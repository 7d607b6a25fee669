/** The entry of a process that serves: under a manager, or alone. */

import { ExitCode } from "../errors.ts";
import { ControlClient } from "./control_client.ts";
import { Proc } from "./proc.ts";

export { serveAlone } from "./alone.ts";

/** Runs in a process that a manager started. */
export async function main(): Promise<void> {
  let client: ControlClient;
  try {
    client = await ControlClient.connect();
  } catch {
    // The manager has gone since it started this process: there is nobody to tell.
    Deno.exit(ExitCode.system);
  }
  await new Proc(client).run();
}
