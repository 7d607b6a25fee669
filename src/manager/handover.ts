/** What one manager tells the next (USR2) about the sockets it hands over, in an environment variable. */

/** `<pid of the manager that hands over> <JSON: bind to descriptor>`. */
export const HANDOVER_ENV = "DENICORN_HANDOVER";

export interface Handover {
  /** Descriptors by bind, as the configuration names it. */
  readonly fds: ReadonlyMap<string, number>;
}

export function writeHandover(fds: ReadonlyMap<string, number>, pid: number = Deno.pid): string {
  return `${pid} ${JSON.stringify(Object.fromEntries(fds))}`;
}

/**
 * Reads it. Null where there is none, or where it comes from another process than the parent: then it
 * was inherited from further up, and the descriptors are somebody else's.
 */
export function parseHandover(value: string | undefined, parent: number): Handover | null {
  const [pid, json] = value === undefined ? [] : splitOnce(value);
  if (json === undefined || Number(pid) !== parent) return null;
  try {
    const fds = Object.entries(JSON.parse(json) as Record<string, unknown>);
    return {
      fds: new Map(fds.filter((entry): entry is [string, number] => Number.isInteger(entry[1]))),
    };
  } catch {
    return null;
  }
}

function splitOnce(value: string): [string, string?] {
  const at = value.indexOf(" ");
  return at < 0 ? [value] : [value.slice(0, at), value.slice(at + 1)];
}
