/** Memory that libpython points into, read from JS. */

/** The NUL-terminated UTF-8 string at an address; "" at NULL. */
export function textAt(address: bigint | Deno.PointerValue): string {
  const pointer = typeof address === "bigint" ? Deno.UnsafePointer.create(address) : address;
  return pointer === null ? "" : Deno.UnsafePointerView.getCString(pointer);
}

/** A copy of `length` bytes at an address. */
export function bytesAt(address: bigint, length: number): Uint8Array<ArrayBuffer> {
  const pointer = Deno.UnsafePointer.create(address);
  if (pointer === null || length === 0) return new Uint8Array();
  return new Uint8Array(Deno.UnsafePointerView.getArrayBuffer(pointer, length)).slice();
}

/** Address of a buffer's first byte. The buffer must be kept alive by whoever hands the address on. */
export function addressOf(buffer: ArrayBufferView): bigint {
  // Shared memory has an address as any other; only Deno's types do not say so.
  return Deno.UnsafePointer.value(Deno.UnsafePointer.of(buffer as BufferSource));
}
