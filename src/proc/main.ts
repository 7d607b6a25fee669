/** The entry of a proc. (That of the solo process, which has no manager, is solo_main.ts.) */

import { ExitCode } from "../errors.ts";
import { ControlClient } from "./control_client.ts";
import { Proc } from "./proc.ts";

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
