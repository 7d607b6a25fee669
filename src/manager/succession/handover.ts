/** What one manager tells the next (USR2) about the sockets it hands over, in an environment variable. */

import { libcUnavailable } from "../../os/libc.ts";
import { isListening } from "../../os/sockets/socket.ts";
import { HANDOVER_ENV } from "../../protocol/control/control.ts";

export interface Handover {
  /** The manager that hands over. */
  readonly pid: number;
  /** Descriptors by bind, as the configuration names it. */
  readonly fds: Readonly<Record<string, number>>;
  /** Names by descriptor of what systemd passed to the first manager: LISTEN_PID cannot name the next. */
  readonly names: Readonly<Record<string, string>>;
}

/** `<pid of the manager that hands over> <JSON of the rest>`. */
export function writeHandover({ pid, ...handed }: Handover): string {
  return `${pid} ${JSON.stringify(handed)}`;
}

/** Reads it; null where there is none. */
export function parseHandover(value: string | undefined): Handover | null {
  const [, pid, json] = /^(\d+) (.*)$/s.exec(value ?? "") ?? [];
  if (json === undefined) return null;
  try {
    const { fds, names } = JSON.parse(json) as Partial<Handover>;
    return fds !== undefined && names !== undefined ? { pid: Number(pid), fds, names } : null;
  } catch {
    return null;
  }
}

/** What is handed over to this process; taken once, so that no child finds it. */
export function takeHandover(): Handover | null {
  const handover = parseHandover(Deno.env.get(HANDOVER_ENV));
  Deno.env.delete(HANDOVER_ENV);
  return handover !== null && isMeant(handover) ? handover : null;
}

/**
 * Whether it was meant for this process, and not for one further up, from which it was inherited. Who
 * hands over may be gone by now (TERM soon after USR2): then the sockets are here all the same, and
 * nobody else has them; not to take them would be to find them taken.
 */
function isMeant({ pid, fds, names }: Handover): boolean {
  if (pid === Deno.ppid) return true;
  const passed = [...Object.values(fds), ...Object.keys(names).map(Number)];
  return libcUnavailable() === null && passed.every(isListening);
}
