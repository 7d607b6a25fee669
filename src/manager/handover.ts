/** What one manager tells the next (USR2) about the sockets it hands over, in an environment variable. */

/** `<pid of the manager that hands over> <JSON of a Handover>`. */
export const HANDOVER_ENV = "DENICORN_HANDOVER";

export interface Handover {
  /** Descriptors by bind, as the configuration names it. */
  readonly fds: Readonly<Record<string, number>>;
  /** Names by descriptor of what systemd passed to the first manager: LISTEN_PID cannot name the next. */
  readonly names: Readonly<Record<string, string>>;
}

export function writeHandover(handover: Handover, pid: number = Deno.pid): string {
  return `${pid} ${JSON.stringify(handover)}`;
}

/**
 * Reads it. Null where there is none, or where it comes from another process than the parent: then it
 * was inherited from further up, and the descriptors are somebody else's.
 */
export function parseHandover(value: string | undefined, parent: number): Handover | null {
  const [, pid, json] = /^(\d+) (.*)$/s.exec(value ?? "") ?? [];
  if (json === undefined || Number(pid) !== parent) return null;
  try {
    const { fds, names } = JSON.parse(json) as Partial<Handover>;
    return fds !== undefined && names !== undefined ? { fds, names } : null;
  } catch {
    return null;
  }
}

/** What the parent hands over to this process; taken once, so that no child finds it. */
export function takeHandover(): Handover | null {
  const handover = parseHandover(Deno.env.get(HANDOVER_ENV), Deno.ppid);
  Deno.env.delete(HANDOVER_ENV);
  return handover;
}
