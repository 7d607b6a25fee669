/** The channel to a parent that `child_process.fork()` opens, and pm2: a thread has none. */

import process from "node:process";

/**
 * Lets apps that are made for pm2 ask as they do, `if (process.send) process.send("ready")`. In Deno's
 * workers these are there and throw; where a program was not forked, there are none.
 */
export function hideParentChannel(): void {
  for (const name of ["send", "disconnect", "connected", "channel"]) {
    Reflect.deleteProperty(process, name);
  }
}
