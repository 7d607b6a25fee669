/** What the body of a request is made of for apps, as on Deno.serve: a stream of bytes. */

/** The next bytes of it. A stream of bytes takes no piece without any. */
export function giveBytes(controller: ReadableByteStreamController, bytes: Uint8Array): void {
  if (bytes.byteLength > 0) controller.enqueue(bytes as Uint8Array<ArrayBuffer>);
}

/** It is complete. */
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
