/** The access log is written by the procs, which may be another user's: it is made theirs. */

import type { Config } from "../config/config.ts";
import { messageOf } from "../errors.ts";
import { openLogFile } from "../log/log_file.ts";
import type { Log } from "../log/record.ts";
import { withUmask } from "../os/process/umask.ts";
import { findIdentity } from "../os/process/user.ts";

/**
 * Makes the access log's file, where there is none, and gives it to the user that procs become.
 * At the start, and again when logs are opened anew: after logrotate there may be none, or a new one.
 */
export function giveAccessLog(config: Config, log: Log): void {
  const { access_log, user, group, umask } = config;
  if (access_log === null || access_log === "-" || Deno.uid() !== 0) return;
  const identity = findIdentity(user, group);
  if (identity === null) return;
  try {
    withUmask(umask, () => openLogFile(access_log).close());
    Deno.chownSync(access_log, identity.uid, identity.gid);
  } catch (error) {
    const reason = messageOf(error);
    log.warning(`Cannot give access_log ${access_log} to the user of the procs: ${reason}`);
  }
}
