/** A connection whose client is not listened to any more, and does not know. */

import { attachProgram, RETURN } from "../sockets/bpf.ts";
import { LibcError } from "../libc.ts";
import { SocketOption } from "../sockets/socket.ts";

/** A packet of which nothing is to be kept is dropped, as if it had been lost on its way. */
const DROP_ALL = [{ code: RETURN, jt: 0, jf: 0, k: 0 }] as const;

/**
 * Has the kernel drop all that comes on this connection, acknowledgements too: its client sends the
 * same again, less and less often. What has come before can be read. Returns false where the kernel
 * will not. socket(7), SO_ATTACH_FILTER
 */
export function muteConnection(fd: number): boolean {
  try {
    attachProgram(fd, SocketOption.attachFilter, DROP_ALL, `Cannot mute connection ${fd}`);
    return true;
  } catch (error) {
    if (error instanceof LibcError) return false;
    throw error;
  }
}
