/** Memory that libpython points into, read from JS. */

/** The NUL-terminated UTF-8 string at an address; "" at NULL. */
export function textAt(address: bigint | Deno.PointerValue): string {
  const pointer = typeof address === "bigint" ? Deno.UnsafePointer.create(address) : address;
  return pointer === null ? "" : Deno.UnsafePointerView.getCString(pointer);
}

/** The pointer to a buffer's first byte, for {@linkcode textFrom}. */
export function pointerOf(buffer: ArrayBufferView): Deno.PointerObject {
  const pointer = Deno.UnsafePointer.of(buffer as BufferSource);
  if (pointer === null) throw new TypeError("Cannot point to a buffer without memory");
  return pointer;
}

/** The NUL-terminated ASCII string at an offset from a pointer. */
export function textFrom(pointer: Deno.PointerObject, offset: number): string {
  return Deno.UnsafePointerView.getCString(pointer, offset);
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
