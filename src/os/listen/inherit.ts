/**
 * Sockets that are passed on from process to process: systemd's socket activation, and the manager's
 * own listening sockets on their way to its procs. sd_listen_fds(3)
 */

import { SystemError } from "../../errors.ts";
import { describeInherited } from "./adopt.ts";
import type { SocketAddress } from "../sockets/address.ts";
import { setInheritable } from "../sockets/socket.ts";

/** The first descriptor that systemd passes: SD_LISTEN_FDS_START. */
const FIRST_LISTEN_FD = 3;

/** A listening socket that was there when the process began. */
export interface InheritedSocket {
  readonly fd: number;
  /** Its FileDescriptorName=, by default the socket unit's name; "unknown" where none is told. */
  readonly name: string;
  readonly address: SocketAddress;
}

/** The variables of the protocol, as they are in `Deno.env`. */
export interface ListenEnv {
  readonly LISTEN_PID?: string | undefined;
  readonly LISTEN_FDS?: string | undefined;
  readonly LISTEN_FDNAMES?: string | undefined;
}

/**
 * What LISTEN_FDS promises this process: descriptors and their names. None where the variables are
 * not there or are meant for another process (LISTEN_PID), as left over from one that did not clear
 * them. Pure: the descriptors are not looked at.
 */
export function parseListenFds(env: ListenEnv, pid: number): { fd: number; name: string }[] {
  if (env.LISTEN_FDS === undefined || env.LISTEN_PID !== String(pid)) return [];
  const count = Number(env.LISTEN_FDS);
  if (!Number.isInteger(count) || count < 0 || count > MAX_LISTEN_FDS) {
    throw new SystemError(
      `Cannot take over sockets: LISTEN_FDS is ${JSON.stringify(env.LISTEN_FDS)}, ` +
        `a number from 0 to ${MAX_LISTEN_FDS} is needed`,
    );
  }
  const names = env.LISTEN_FDNAMES?.split(":") ?? [];
  return Array.from(
    { length: count },
    (_, i) => ({ fd: FIRST_LISTEN_FD + i, name: names[i] || "unknown" }),
  );
}

/** More than this is no number of sockets but a mistake. */
const MAX_LISTEN_FDS = 1_024;

/**
 * Takes over the sockets that systemd opened for this process. The variables are deleted, and the
 * descriptors marked so that no child inherits them unasked. Every one must be a listening socket.
 *
 * @param handedOver Names by descriptor of what systemd opened for another process, which hands it on.
 */
export function takeListenFds(
  handedOver: Readonly<Record<string, string>> = {},
): InheritedSocket[] {
  const env = {
    LISTEN_PID: Deno.env.get("LISTEN_PID"),
    LISTEN_FDS: Deno.env.get("LISTEN_FDS"),
    LISTEN_FDNAMES: Deno.env.get("LISTEN_FDNAMES"),
  };
  const promised = [
    ...parseListenFds(env, Deno.pid),
    ...Object.entries(handedOver).map(([fd, name]) => ({ fd: Number(fd), name })),
  ];
  for (const variable of Object.keys(env)) Deno.env.delete(variable);
  return promised.map(({ fd, name }) => {
    const address = describeInherited(fd);
    setInheritable(fd, false);
    return { fd, name, address };
  });
}

/**
 * Runs `start`, which starts a child, with these descriptors inheritable, and then closes the door
 * again: another child started later must not get them. The child finds them under the same numbers.
 */
export function passingOn<T>(fds: readonly number[], start: () => T): T {
  for (const fd of fds) setInheritable(fd, true);
  try {
    return start();
  } finally {
    for (const fd of fds) setInheritable(fd, false);
  }
}
