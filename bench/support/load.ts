/** The load generator, wrk, and what it reports. */

/** One run of wrk. */
export interface LoadReport {
  readonly requests: number;
  readonly seconds: number;
  readonly requestsPerSecond: number;
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
  /** Answers that are neither 2xx nor 3xx. */
  readonly badStatus: number;
  readonly connectErrors: number;
  readonly timeouts: number;
  /** Connections that the server ended; a server without keep-alive has one for each answer. */
  readonly closed: number;
}

export interface LoadOptions {
  readonly url: string;
  readonly seconds: number;
  readonly connections: number;
  /** A Lua script for wrk, e.g. one that sends a body. */
  readonly script?: string | undefined;
}

const UNIT_MS: Readonly<Record<string, number>> = { us: 1e-3, ms: 1, s: 1e3, m: 6e4, h: 3.6e6 };

/** wrk's times: "67.10us", "1.35ms", "2.01s". */
export function parseMilliseconds(text: string): number {
  const [, number, unit] = text.match(/^([\d.]+)(us|ms|s|m|h)$/) ?? [];
  if (number === undefined || unit === undefined) throw new Error(`Not a time of wrk's: "${text}"`);
  return Number(number) * UNIT_MS[unit]!;
}

/** Reads what `wrk --latency` prints. */
export function parseWrk(output: string): LoadReport {
  const find = (pattern: RegExp): string => {
    const found = output.match(pattern)?.[1];
    if (found === undefined) throw new Error(`wrk's report lacks ${pattern}:\n${output}`);
    return found;
  };
  const errors = output.match(/connect (\d+), read (\d+), write (\d+), timeout (\d+)/);
  const [connect = 0, read = 0, write = 0, timeout = 0] = errors?.slice(1).map(Number) ?? [];
  return {
    requests: Number(find(/(\d+) requests in/)),
    seconds: parseMilliseconds(find(/requests in ([\d.]+\w+),/)) / 1e3,
    requestsPerSecond: Number(find(/^Requests\/sec:\s+([\d.]+)/m)),
    p50: parseMilliseconds(find(/^\s+50%\s+(\S+)/m)),
    p99: parseMilliseconds(find(/^\s+99%\s+(\S+)/m)),
    badStatus: Number(output.match(/Non-2xx or 3xx responses: (\d+)/)?.[1] ?? 0),
    connectErrors: connect,
    timeouts: timeout,
    closed: read + write,
  };
}

/** One thread of wrk: it can fill two cores of any server here, and takes at most one itself. */
export async function runWrk(
  { url, seconds, connections, script }: LoadOptions,
): Promise<LoadReport> {
  const args = ["-t1", `-c${connections}`, `-d${seconds}s`, "--latency", "--timeout", "10s"];
  if (script) args.push("-s", script);
  const { success, stdout, stderr } = await new Deno.Command("wrk", {
    args: [...args, url],
    stdout: "piped",
    stderr: "piped",
  }).output();
  const output = new TextDecoder().decode(stdout);
  if (!success) throw new Error(`wrk ${url}: ${new TextDecoder().decode(stderr)}${output}`);
  return parseWrk(output);
}
