/** The descriptors of this process: which there are, and what they are of. */

import { SystemError } from "../../errors.ts";
import { libc } from "../libc.ts";
import { readProcSelf } from "../process/proc_file.ts";
import { formatAddress, isSameAddress } from "./address.ts";
import { F_GETFD, getSocketAddress, isListening, toSocketAddress } from "./socket.ts";

/** This process's descriptors that listen, in rising order. */
export function listeningFds(): number[] {
  return Array.from({ length: descriptorTableSize() }, (_, fd) => fd).filter(isListening);
}

/** No descriptor is larger, proc_pid_status(5). */
export function descriptorTableSize(): number {
  return Number(/^FDSize:\s*([0-9]+)/m.exec(readProcSelf("status") ?? "")?.[1] ?? 1024);
}

/** Whether the number is an open file's. Never throws. */
export function isInUse(fd: number): boolean {
  return libc().fcntl(fd, F_GETFD, 0n) !== -1;
}

/** This process's descriptors whose target in /proc begins with `prefix`, in rising order. */
export function openFds(prefix: string): number[] {
  const fds: number[] = [];
  for (const { name } of Deno.readDirSync("/proc/self/fd")) {
    try {
      if (Deno.readLinkSync(`/proc/self/fd/${name}`).startsWith(prefix)) fds.push(Number(name));
    } catch {
      // Closed since, by another thread or by the end of the listing itself.
    }
  }
  return fds.sort((a, b) => a - b);
}

/**
 * The descriptor of a `Deno.Listener`, which Deno does not tell.
 *
 * @param except Descriptors that it is not: what {@linkcode listeningFds} gave before it was made,
 * for the rare process that has two listeners at one address (SO_REUSEPORT).
 */
export function findListenerFd(listener: Deno.Listener, except: readonly number[] = []): number {
  const wanted = toSocketAddress(listener.addr);
  for (const fd of listeningFds()) {
    if (except.includes(fd)) continue;
    const address = getSocketAddress(fd);
    if (address !== null && isSameAddress(address, wanted)) return fd;
  }
  throw new SystemError(
    `Cannot find the descriptor of the listener at ${formatAddress(wanted)} in /proc/self/fd`,
  );
}
