/**
 * The command line that `ps` shows, as setproctitle(3) changes it: by writing over the arguments,
 * where they lie in memory. There is room for as many bytes as the arguments had, no more.
 */

import { libcUnavailable } from "../libc.ts";
import { readProcSelf } from "./proc_file.ts";

/**
 * Shows `title` instead of the command line, cut to the room there is. Returns whether it could be
 * done; that it could not is no reason to complain.
 *
 * Safe as long as nobody reads the arguments again: Deno has copied them all before any module runs.
 */
export function setProcessTitle(title: string): boolean {
  if (libcUnavailable() !== null) return false;
  const room = argumentsInMemory();
  if (room === null) return false;
  const at = Deno.UnsafePointer.create(BigInt(room.start));
  if (at === null) return false;
  const bytes = new Uint8Array(Deno.UnsafePointerView.getArrayBuffer(at, room.length));
  bytes.fill(0);
  // The last byte stays NUL: otherwise the kernel reads on into the environment, proc_pid_cmdline(5).
  new TextEncoder().encodeInto(title, bytes.subarray(0, -1));
  return true;
}

function argumentsInMemory(): { start: number; length: number } | null {
  const stat = readProcSelf("stat");
  if (stat === null) return null;
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  // arg_start and arg_end, fields 48 and 49; 0 where the kernel does not tell.
  const start = Number(fields[45]);
  const length = Number(fields[46]) - start;
  return start > 0 && length > 1 ? { start, length } : null;
}
