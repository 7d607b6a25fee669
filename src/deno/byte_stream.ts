/** Bodies as streams of bytes, as Deno.serve shows and takes them. */

/** The next bytes of a request. A stream of bytes takes no piece without any. */
export function giveBytes(controller: ReadableByteStreamController, bytes: Uint8Array): void {
  if (bytes.byteLength > 0) controller.enqueue(bytes as Uint8Array<ArrayBuffer>);
}

/** The request is complete. */
export function endBytes(controller: ReadableByteStreamController): void {
  try {
    controller.close();
    // A reader that brought its own buffer is answered with 0 bytes (Streams standard, 4.7.4).
    controller.byobRequest?.respond(0);
  } catch {
    // It asks for elements of several bytes and has part of one: close() has told it so, and failed the
    // stream, before it threw (Streams standard, ReadableByteStreamControllerClose).
  }
}

/** A body that is there as a whole. Its buffer is taken. */
export function streamOf(body: Uint8Array): ReadableStream<Uint8Array> {
  return new ReadableStream({
    type: "bytes",
    start: (controller) => giveBytes(controller, body),
    // Somebody waits for more than it. Ended before, it would fail whoever asks for more than is left
    // (`min`; Streams standard, ReadableByteStreamControllerPullInto).
    pull: endBytes,
  });
}

/** A piece of a response stream, as the app gave it. @throws {TypeError} when it is none. */
export function pieceOf(value: unknown): Uint8Array {
  if (value instanceof Uint8Array) return value;
  throw new TypeError("A response stream must yield Uint8Array chunks");
}
