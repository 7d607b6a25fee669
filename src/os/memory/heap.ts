/** The C library's heap, from which Deno takes what it sends. */

import { libc, libcUnavailable } from "../libc.ts";

/** Freed memory of up to twice this size stays with the process; larger pieces are mapped one by one. */
const KEPT_PIECE_BYTES = 4 * 1024 * 1024;

/**
 * Keeps some of the memory that is freed at the heap's end. glibc gives back whatever is beyond
 * 128 KiB there: the responses of one turn of the event loop are more than that, so that each turn
 * would get its pages anew from the kernel, one fault for each page.
 *
 * Both thresholds grow by themselves when a mapped piece is freed (mallopt(3), M_MMAP_THRESHOLD). So
 * one is, which was never touched and costs nothing; and who has set them otherwise, by the
 * environment, is obeyed. Other C libraries (musl) do as they do.
 */
export function keepFreedMemory(): void {
  if (libcUnavailable() !== null) return;
  libc().free(libc().malloc(BigInt(KEPT_PIECE_BYTES)));
}
