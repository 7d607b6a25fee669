/** A long upload in chunks of 64 KiB to apps/attacked.ts, and what it does to the server's memory. */

import { treePss } from "./cpu.ts";

const CHUNK_BYTES = 65_536;
const BURST_BYTES = 4 * 1024 * 1024;
const PAUSE_MS = 20;
const LOOK_MS = 20;

const bytes = (text: string) => new TextEncoder().encode(text);
const HEAD = bytes("POST / HTTP/1.1\r\nHost: bench\r\nTransfer-Encoding: chunked\r\n\r\n");
const size = bytes(`${CHUNK_BYTES.toString(16)}\r\n`);
const CHUNK = new Uint8Array(size.length + CHUNK_BYTES + 2);
CHUNK.set(size);
CHUNK.set(bytes("\r\n"), size.length + CHUNK_BYTES);

const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

export interface UploadOptions {
  /** Bytes, without the chunks' own. */
  readonly total: number;
  /** In bursts of 4 MB with pauses of 20 ms, rather than as fast as it is taken. */
  readonly bursts: boolean;
}

/** Uploads, and sees to it that all was counted. */
export async function upload(port: number, { total, bursts }: UploadOptions): Promise<void> {
  using connection = await Deno.connect({ hostname: "127.0.0.1", port });
  const write = async (bytes: Uint8Array) => {
    for (let at = 0; at < bytes.length;) at += await connection.write(bytes.subarray(at));
  };
  await write(HEAD);
  for (let sent = 0; sent < total; sent += CHUNK_BYTES) {
    if (bursts && sent % BURST_BYTES === 0) await pause(PAUSE_MS);
    await write(CHUNK);
  }
  await write(bytes("0\r\n\r\n"));
  const buffer = new Uint8Array(1_024);
  const answer = new TextDecoder().decode(buffer.subarray(0, await connection.read(buffer) ?? 0));
  const counted = Math.ceil(total / CHUNK_BYTES) * CHUNK_BYTES;
  if (!answer.endsWith(`\r\n${counted}\n`)) throw new Error(`Not what was sent: ${answer}`);
}

/** How much the Pss of this tree was up at its peak, bytes, looked at every 20 ms. */
export async function peakOf(pid: number, work: () => Promise<void>): Promise<number> {
  const before = treePss(pid);
  let peak = before;
  const look = setInterval(() => peak = Math.max(peak, treePss(pid)), LOOK_MS);
  try {
    await work();
  } finally {
    clearInterval(look);
  }
  return Math.max(peak, treePss(pid)) - before;
}
