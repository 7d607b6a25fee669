/** One process without a manager (`workers: 0`): serves, and stops when told. */

import type { Config } from "../config/config.ts";
import { BootError, ExitCode } from "../errors.ts";
import type { Log } from "../log/record.ts";
import { guardInherited } from "./open_listener.ts";
import { takeIdentity } from "./identity.ts";
import { Server } from "./server.ts";
import { listenToSignals } from "./signals.ts";
import { surviveUncaughtErrors } from "./uncaught.ts";

export interface SoloOptions {
  /** Says what runs where. */
  readonly announce: (config: Config) => void;
  /** Opens the error log anew (USR1). */
  readonly reopenLog: () => void;
}

/** Returns when it was told to stop and has. Throws what kept it from serving, or made it give up. */
export async function runSolo(
  config: Config,
  log: Log,
  { announce, reopenLog }: SoloOptions,
): Promise<ExitCode> {
  const { promise: over, resolve: end, reject: giveUp } = Promise.withResolvers<void>();
  const server = new Server(config, {
    id: 0,
    log,
    reusePort: false,
    events: {
      onUnlistened() {},
      onReplaceMe(why, hung) {
        if (!hung) return log.warning(`${why}: with workers: 0 nothing can replace this process`);
        // Its core burns for ever, and a supervisor can do what a manager would.
        const error = new BootError(`${why}: with workers: 0 nothing can replace this process`);
        drain().then(() => giveUp(error));
      },
    },
  });
  const drain = async () => {
    const { cut } = await server.drain("stop", 0, config.graceful_timeout * 1000);
    if (cut > 0) log.warning(`${cut} exchanges were not finished within graceful_timeout`);
  };
  let asked = false;
  listenToSignals({
    onGraceful(signal) {
      log.info(`Signal ${signal}`);
      drain().then(end);
    },
    onQuick(signal) {
      if (asked) Deno.exit(ExitCode.ok);
      asked = true;
      log.info(`Signal ${signal}`);
      server.stop();
      end();
    },
    onReopen() {
      reopenLog();
      server.reopenLogs();
    },
    onOther(signal) {
      if (signal === "SIGHUP" && config.certfile !== null) {
        // All of a reload that needs no other process.
        server.renewCertificate();
      } else if (signal !== "SIGWINCH") {
        log.warning(`Signal ${signal} needs a manager: with workers: 0 it has no effect`);
      }
    },
  });
  guardInherited(config);
  for (const [name, value] of Object.entries(config.env)) Deno.env.set(name, value);
  takeIdentity(config, "");
  surviveUncaughtErrors(log);
  await server.load();
  await server.listen();
  announce({ ...config, bind: server.addresses });
  try {
    await over;
  } finally {
    await server.closeLogs();
  }
  log.info("Stopped");
  return ExitCode.ok;
}
