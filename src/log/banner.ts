/** What the log says first: what runs where. */

import { bindUrl } from "../config/bind.ts";
import type { Config } from "../config/config.ts";
import { VERSION } from "../config/version.ts";

/** Four or five lines. `file` is the configuration file that was read, or null. */
export function bannerLines(config: Config, file: string | null): string[] {
  const scheme = config.certfile === null ? "http" : "https";
  const workers = config.workers === 0
    ? "this one process"
    : counted(config.workers, "worker process", "worker processes");
  const threads = config.threads === 0
    ? "inline"
    : `${counted(config.threads, "thread", "threads")}${config.workers > 0 ? " each" : ""}`;
  return [
    `denicorn ${VERSION} on Deno ${Deno.version.deno}, process id ${Deno.pid}`,
    `Listening at ${config.bind.map((bind) => bindUrl(bind, scheme)).join(" and ")}`,
    `Serving ${config.app} (${config.interface}) in ${workers}, ${threads}`,
    `Configuration: ${file ?? "no file"}; log level ${config.log_level}`,
  ];
}

function counted(count: number, one: string, many: string): string {
  return `${count} ${count === 1 ? one : many}`;
}
