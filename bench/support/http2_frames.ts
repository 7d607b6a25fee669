/** Frames of HTTP/2 by hand (RFC 9113, 4 and 6), for clients that do not keep to the rules. */

export const PREFACE = new TextEncoder().encode("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

export const FrameType = {
  data: 0,
  headers: 1,
  reset: 3,
  settings: 4,
  ping: 6,
  goAway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;

export const Flag = { none: 0, ack: 1, endStream: 1, endHeaders: 4 } as const;

/** RFC 9113, 7. */
export const CANCEL = Uint8Array.of(0, 0, 0, 8);

export function frame(
  type: number,
  flags: number,
  stream: number,
  payload: Uint8Array = new Uint8Array(0),
): Uint8Array {
  const bytes = new Uint8Array(9 + payload.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, payload.length << 8 | type);
  view.setUint8(4, flags);
  view.setUint32(5, stream);
  bytes.set(payload, 9);
  return bytes;
}

/** A header block of literals that are not remembered: HPACK without its table (RFC 7541, 6.2.2). */
export function headerBlock(fields: Iterable<readonly [name: string, value: string]>): Uint8Array {
  const bytes: number[] = [];
  const string = (text: string) => {
    // A length with a prefix of seven bits (RFC 7541, 5.1).
    let length = text.length;
    if (length < 127) bytes.push(length);
    else {
      bytes.push(127);
      for (length -= 127; length >= 128; length >>= 7) bytes.push(length & 127 | 128);
      bytes.push(length);
    }
    for (let i = 0; i < text.length; i++) bytes.push(text.charCodeAt(i));
  };
  for (const [name, value] of fields) {
    bytes.push(0);
    string(name);
    string(value);
  }
  return Uint8Array.from(bytes);
}

export function concat(parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
