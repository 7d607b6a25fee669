/** The files that tell of this process in /proc, read by libc: Deno opens them only with all permissions. */

import { cString, libc, libcUnavailable } from "../libc.ts";

const O_RDONLY = 0;
const O_CLOEXEC = 0o2000000;
const CHUNK_BYTES = 16 * 1024;

/** The text of `/proc/self/NAME`, or null where it cannot be read. */
export function readProcSelf(name: string): string | null {
  if (libcUnavailable() !== null) return null;
  const { open, read, close } = libc();
  const fd = open(cString(`/proc/self/${name}`), O_RDONLY | O_CLOEXEC, 0);
  if (fd < 0) return null;
  const decoder = new TextDecoder();
  let text = "";
  try {
    for (;;) {
      const chunk = new Uint8Array(CHUNK_BYTES);
      const count = Number(read(fd, chunk, BigInt(chunk.length)));
      if (count < 0) return null;
      if (count === 0) return text + decoder.decode();
      text += decoder.decode(chunk.subarray(0, count), { stream: true });
    }
  } finally {
    close(fd);
  }
}
