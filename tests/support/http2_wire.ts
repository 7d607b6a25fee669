/** HTTP/2 by hand over TCP: the frames of what came. */

import type { Latin1, Wire } from "./wire.ts";

const FRAME_HEAD_BYTES = 9;

export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Latin1;
}

/** Takes one frame off what was received; null where it is not all there. */
export function takeFrame(wire: Wire): Frame | null {
  const at = (i: number) => wire.received.charCodeAt(i);
  const end = FRAME_HEAD_BYTES + (at(0) << 16 | at(1) << 8 | at(2));
  if (wire.received.length < FRAME_HEAD_BYTES || wire.received.length < end) return null;
  const payload = wire.received.slice(FRAME_HEAD_BYTES, end);
  const [type, flags, stream] = [at(3), at(4), at(7) << 8 | at(8)];
  wire.received = wire.received.slice(end);
  return { type, flags, stream, payload };
}
