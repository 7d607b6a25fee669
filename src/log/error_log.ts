/**
 * The error log of the whole server, in the manager. The only file that names logtape: records pass
 * through its logger "denicorn", where other code of the process can read along, and end in the sink
 * of this file.
 */

import { configureSync, getLogger, type LogLevel, type Sink } from "@logtape/logtape";
import { type ErrorLog, type LogConfig, openLogWriter } from "./log_writer.ts";
import type { Level, LogRecord } from "./record.ts";

export type { ErrorLog, LogConfig } from "./log_writer.ts";

const CATEGORY = "denicorn";

/** Logtape calls the highest level otherwise. */
const LOGTAPE_LEVEL: Readonly<Record<Level, LogLevel>> = {
  debug: "debug",
  info: "info",
  warning: "warning",
  error: "error",
  critical: "fatal",
};

/** @throws {SystemError} when the log's file cannot be opened. */
export function openErrorLog(config: LogConfig, role: string): ErrorLog {
  let delivered = false;
  let printing: (record: LogRecord) => void = () => {};
  configureLogtape(({ properties }) => {
    delivered = true;
    printing(properties["record"] as LogRecord);
  });
  const logger = getLogger(CATEGORY);

  return openLogWriter(config, role, (record, print) => {
    delivered = false;
    printing = print;
    try {
      logger.emit({
        level: LOGTAPE_LEVEL[record.level],
        message: [record.message],
        rawMessage: record.message,
        timestamp: record.time,
        properties: { record, pid: record.pid, role: record.role },
      });
    } catch {
      // Printed below.
    }
    // An app in the same process that configures logtape itself takes our sink away with it.
    if (!delivered) print(record);
  });
}

function configureLogtape(sink: Sink) {
  configureSync({
    reset: true,
    sinks: { denicorn: sink },
    loggers: [
      { category: CATEGORY, lowestLevel: "debug", sinks: ["denicorn"] },
      // Logtape's own remarks (a sink that threw) must not go to the console.
      { category: ["logtape", "meta"], lowestLevel: "fatal", sinks: [] },
    ],
  });
}
