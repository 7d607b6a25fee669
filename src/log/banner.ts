/** What the log says first: what runs where. */

import { bindUrl } from "../config/values/bind.ts";
import type { Config } from "../config/config.ts";
import { VERSION } from "../config/version.ts";

/** Four or five lines. `file` is the configuration file that was read, or null. */
export function bannerLines(config: Config, file: string | null): string[] {
  const { workers, threads } = config;
  const inEach = threads === 0 ? "inline" : counted(threads, "thread", "threads");
  const how = threads === 0 ? `, ${inEach}` : ` with ${inEach}${workers > 1 ? " each" : ""}`;
  return [
    `denicorn ${VERSION} on Deno ${Deno.version.deno}, process id ${Deno.pid}`,
    `Listening at ${addresses(config)}`,
    `Serving ${config.app} (${config.interface}) in ${processes(workers)}${how}`,
    `Configuration: ${file ?? "no file"}; log level ${config.log_level}`,
  ];
}

/** Said once, when all that was to start serves: what scripts and people wait for. */
export function readyLine(config: Config, afterMs: number): string {
  return `Ready: ${whatServes(config)} after ${(afterMs / 1_000).toFixed(1)} s`;
}

/** Said when a reload is through. The addresses may be others than before. */
export function reloadedLine(config: Config): string {
  return `Reloaded: ${whatServes(config)}`;
}

/** In a few words: how many processes, and where. */
export function whatServes(config: Config): string {
  const verb = config.workers > 1 ? "serve" : "serves";
  return `${processes(config.workers)} ${verb} ${addresses(config)}`;
}

function processes(workers: number): string {
  return workers === 0
    ? "this one process"
    : counted(workers, "worker process", "worker processes");
}

function addresses({ bind, certfile }: Config): string {
  const scheme = certfile === null ? "http" : "https";
  return bind.map((one) => bindUrl(one, scheme)).join(" and ");
}

function counted(count: number, one: string, many: string): string {
  return `${count} ${count === 1 ? one : many}`;
}
