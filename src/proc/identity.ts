/** What a process that serves is to the system: its directory, permission bits, user, name. */

import type { Config } from "../config/config.ts";
import { setProcessName } from "../os/process/process.ts";
import { libcUnavailable } from "../os/libc.ts";
import { setProcessTitle } from "../os/process/title.ts";
import { becomeIdentity, findIdentity } from "../os/process/user.ts";

/**
 * Takes on what is configured, before any code of the app runs. Throws SystemError where that cannot
 * be had: it must not serve as root because somebody's name was misspelt.
 *
 * The directory comes first: the new user may not be allowed to enter it. The user comes last: it may
 * do none of the other things.
 *
 * @param role What follows the configured name in `ps`; empty for nothing.
 */
export function takeIdentity(config: Config, role: string): void {
  Deno.chdir(config.chdir);
  if (config.umask !== null) Deno.umask(config.umask);
  setProcessTitle(role === "" ? config.proc_name : `${config.proc_name}: ${role}`);
  if (libcUnavailable() === null) setProcessName(config.proc_name);
  const identity = findIdentity(config.user, config.group);
  if (identity !== null) becomeIdentity(identity);
}
