import { assertEquals, assertThrows } from "@std/assert";
import { clientFrame, FrameReader, Opcode } from "../../../src/app/node_http/websocket_frames.ts";

/** A frame as a server writes it. */
function serverFrame(opcode: number, payload: Uint8Array, fin = true): Uint8Array {
  const frame = clientFrame(opcode, payload);
  const head = frame.length - payload.length - 4;
  const unmasked = new Uint8Array([...frame.subarray(0, head), ...payload]);
  unmasked[0] = (fin ? 0x80 : 0) | opcode;
  unmasked[1]! &= 0x7f;
  return unmasked;
}

Deno.test("a frame of any length is read again, in pieces of any size", () => {
  for (const length of [0, 1, 125, 126, 127, 0xffff, 0x10000]) {
    const payload = new Uint8Array(length).fill(7);
    const bytes = serverFrame(Opcode.binary, payload);
    for (const size of [bytes.length, 1000, 3]) {
      const reader = new FrameReader();
      const messages = [];
      for (let at = 0; at < bytes.length; at += size) {
        messages.push(...reader.read(bytes.subarray(at, at + size)));
      }
      assertEquals(messages.length, 1);
      assertEquals(messages[0]!.opcode, Opcode.binary);
      assertEquals(messages[0]!.payload.length, length);
    }
  }
});

Deno.test("several frames in one piece, and fragments around a ping", () => {
  const part = (text: string) => new TextEncoder().encode(text);
  const bytes = [
    serverFrame(Opcode.text, part("whole")),
    serverFrame(Opcode.text, part("one "), false),
    serverFrame(Opcode.ping, part("?")),
    serverFrame(Opcode.continuation, part("two "), false),
    serverFrame(Opcode.continuation, part("three")),
    serverFrame(Opcode.close, new Uint8Array([3, 232])),
  ].flatMap((frame) => [...frame]);
  const messages = new FrameReader().read(new Uint8Array(bytes));
  assertEquals(messages.map(({ opcode, payload }) => [opcode, new TextDecoder().decode(payload)]), [
    [Opcode.text, "whole"],
    [Opcode.ping, "?"],
    [Opcode.text, "one two three"],
    [Opcode.close, "\x03\ufffd"],
  ]);
});

Deno.test("a client's frame is masked", () => {
  assertEquals([...clientFrame(Opcode.text, new Uint8Array([65]))], [0x81, 0x81, 0, 0, 0, 0, 65]);
});

Deno.test("what was not agreed on is no frame", () => {
  assertThrows(() => new FrameReader().read(new Uint8Array([0xc1, 0])), Error, "extension");
  assertThrows(() => new FrameReader().read(new Uint8Array([0x81, 0x80, 0, 0, 0, 0])), Error);
});
