/** Frames of RFC 6455, as a server writes them and as a client does. */

import { joinBytes } from "../../protocol/bytes.ts";

export const Opcode = {
  continuation: 0,
  text: 1,
  binary: 2,
  close: 8,
  ping: 9,
  pong: 10,
} as const;

export interface Message {
  readonly opcode: number;
  readonly payload: Uint8Array<ArrayBuffer>;
}

/** Longest payload that a frame's second byte says, and what stands there for longer ones. */
const MAX_SHORT = 125;
const LENGTH_16 = 126;
const LENGTH_64 = 127;
const FIN = 0x80;
const MASKED = 0x80;

/** Reads what a server writes: frames without a mask, in pieces of any size. */
export class FrameReader {
  #rest: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  /** The message that further frames continue. */
  #opcode = 0;
  #fragments: Uint8Array<ArrayBuffer>[] = [];

  /** Returns the messages that are complete with these bytes. Throws where they are no frames. */
  read(bytes: Uint8Array): Message[] {
    const messages: Message[] = [];
    let buffer = this.#rest.length === 0 ? bytes : joinBytes([this.#rest, bytes]);
    for (;;) {
      const frame = parse(buffer);
      if (frame === null) break;
      const message = this.#assemble(frame);
      if (message !== null) messages.push(message);
      buffer = buffer.subarray(frame.size);
    }
    this.#rest = buffer.slice() as Uint8Array<ArrayBuffer>;
    return messages;
  }

  #assemble({ fin, opcode, payload }: Frame): Message | null {
    // Control frames may stand between the fragments of a message.
    if (opcode >= Opcode.close) return { opcode, payload };
    if (opcode !== Opcode.continuation) this.#opcode = opcode;
    if (!fin) {
      this.#fragments.push(payload);
      return null;
    }
    const whole = this.#fragments.length === 0 ? payload : joinBytes([...this.#fragments, payload]);
    this.#fragments = [];
    return { opcode: this.#opcode, payload: whole };
  }
}

interface Frame extends Message {
  readonly fin: boolean;
  /** With its head. */
  readonly size: number;
}

function parse(bytes: Uint8Array): Frame | null {
  if (bytes.length < 2) return null;
  const [first, second] = bytes as unknown as [number, number];
  if ((first & 0x70) !== 0 || (second & MASKED) !== 0) {
    throw new Error("a frame with an extension or a mask, which no server was asked for");
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let head = 2;
  let length = second;
  if (second === LENGTH_16) {
    if (bytes.length < 4) return null;
    length = view.getUint16(2);
    head = 4;
  } else if (second === LENGTH_64) {
    if (bytes.length < 10) return null;
    length = Number(view.getBigUint64(2));
    head = 10;
  }
  const size = head + length;
  if (bytes.length < size) return null;
  const payload = Uint8Array.prototype.slice.call(bytes, head, size) as Uint8Array<ArrayBuffer>;
  return { fin: (first & FIN) !== 0, opcode: first & 0x0f, payload, size };
}

/** A frame as a client writes it: masked as it has to be, with a mask that changes nothing. */
export function clientFrame(opcode: number, payload: Uint8Array): Uint8Array<ArrayBuffer> {
  const { length } = payload;
  const head = length <= MAX_SHORT ? 2 : length <= 0xffff ? 4 : 10;
  const frame = new Uint8Array(head + 4 + length);
  const view = new DataView(frame.buffer);
  frame[0] = FIN | opcode;
  if (head === 2) {
    frame[1] = MASKED | length;
  } else if (head === 4) {
    frame[1] = MASKED | LENGTH_16;
    view.setUint16(2, length);
  } else {
    frame[1] = MASKED | LENGTH_64;
    view.setBigUint64(2, BigInt(length));
  }
  frame.set(payload, head + 4);
  return frame;
}
