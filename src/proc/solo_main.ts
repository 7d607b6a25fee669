/** The entry of the solo process (`workers: 0`), which serves what the command line found out. */

import type { ExitCode } from "../errors.ts";
import { bannerLines, readyLine } from "../log/banner.ts";
import { exitCodeOf, withLog } from "../log/last_words.ts";
import { type ErrorLog, openLogWriter } from "../log/log_writer.ts";
import { Activation } from "../os/listen/activation.ts";
import { NotifySocket } from "../os/sockets/notify_socket.ts";
import type { SoloStart } from "../protocol/solo_start.ts";
import { runSolo } from "./solo.ts";

/** Runs in the place of the command line, under the app's own configuration, and ends the process. */
export async function main(start: SoloStart): Promise<never> {
  const { config } = start;
  Deno.exit(
    await exitCodeOf(async () => {
      const log = openLogWriter(config, "solo");
      return await withLog(config, log, () => serveSolo(start, log));
    }),
  );
}

/** Serves until told to stop. Throws what kept it from serving, or made it give up. */
export async function serveSolo(
  { config, file, warnings, ranForMs }: SoloStart,
  log: ErrorLog,
): Promise<ExitCode> {
  const notify = NotifySocket.take(log);
  const activation = Activation.take();
  if (activation.sockets.length > 0) log.info(`From systemd: ${activation.describe()}`);
  return await runSolo(activation.activate(config, log), log, {
    announce: (actual) => {
      for (const line of bannerLines(actual, file)) log.info(line);
      for (const warning of warnings) log.warning(warning);
      log.info(readyLine(actual, ranForMs + performance.now()));
    },
    notify,
    reopenLog: () => log.reopen(),
  });
}
