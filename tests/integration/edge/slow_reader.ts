/** A client that takes a large response in small steps for a while, and then as fast as it comes. */

import {
  concat,
  Flag,
  frame,
  FrameType,
  headerBlock,
  PREFACE,
} from "../../../bench/support/http2_frames.ts";
import { type Frame, takeFrame } from "../../support/http2_wire.ts";
import { soon } from "../../support/wait.ts";
import { type Latin1, toBytes, toLatin1, Wire } from "../../support/wire.ts";

/** Some 1 MB/s: what a client with a middling line takes. */
const STEP_MS = 50;
const STEP_BYTES = 64 * 1024;
const SMALL_STEP_BYTES = 16 * 1024;

export const LARGE_BYTES = 32 * 1024 * 1024;
/** More than a client has room for that does not read, and less than the server's kernel takes for it. */
export const MIDDLE_BYTES = 256 * 1024;

/**
 * Answers with LARGE_BYTES, all at once, or with MIDDLE_BYTES (/middle); /late when the file GATE is
 * there. /small reads no body.
 */
export const LARGE_APP = `const LARGE = new Uint8Array(${LARGE_BYTES});
export default {
  async fetch(request) {
    const { pathname } = new URL(request.url);
    if (pathname === "/small") return new Response("small");
    if (pathname === "/middle") return new Response(LARGE.subarray(0, ${MIDDLE_BYTES}));
    if (request.method === "POST") await request.arrayBuffer();
    if (pathname === "/late") {
      console.log("late is asked");
      while (await Deno.stat(Deno.env.get("GATE")).catch(() => null) === null) {
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    }
    return new Response(LARGE);
  },
};
`;

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

export const GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
/** Its body comes behind its head. */
export const POST = [
  "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 200000\r\n\r\n",
  "x".repeat(200_000),
];

/** What a client has got of a large response. */
export class Download {
  readonly connection: Deno.Conn;
  readonly #buffer = new Uint8Array(STEP_BYTES);
  /** Bytes of the body. */
  received = 0;
  #inBody = false;
  ended = false;

  constructor(connection: Deno.Conn) {
    this.connection = connection;
  }

  /** Sends the parts of a request one after another, and waits for the beginning of its response. */
  async begin(...parts: string[]): Promise<this> {
    for (const [i, part] of parts.entries()) {
      if (i > 0) await sleep(STEP_MS);
      const bytes = toBytes(part);
      for (let at = 0; at < bytes.length;) at += await this.connection.write(bytes.subarray(at));
    }
    await this.#take();
    return this;
  }

  /** Takes a little at a time, for so long. */
  async slowly(ms: number): Promise<this> {
    for (const end = performance.now() + ms; !this.#isOver && performance.now() < end;) {
      await this.#take();
      await sleep(STEP_MS);
    }
    return this;
  }

  /** Takes the rest; returns how much has come in all. */
  async rest(): Promise<number> {
    while (!this.#isOver) await this.#take();
    return this.received;
  }

  get #isOver(): boolean {
    return this.ended || this.received >= LARGE_BYTES;
  }

  async #take(): Promise<void> {
    let length: number | null;
    try {
      length = await soon("the response goes on", this.connection.read(this.#buffer));
    } catch (error) {
      if (!(error instanceof Deno.errors.ConnectionReset)) throw error;
      length = null;
    }
    if (length === null) this.ended = true;
    else if (this.#inBody) this.received += length;
    else {
      this.received = length - toLatin1(this.#buffer.subarray(0, length)).indexOf("\r\n\r\n") - 4;
      this.#inBody = true;
    }
  }

  [Symbol.dispose](): void {
    this.connection.close();
  }
}

/**
 * What a client of HTTP/2 begins with: a GET on stream 1. `host`: the field that names the host; `window`:
 * bytes that it has room for.
 */
export function beginHttp2(
  path: string,
  { host = ":authority", window = 65_535 }: { host?: ":authority" | "host"; window?: number } = {},
): Latin1 {
  const fields = { ":method": "GET", ":scheme": "http", ":path": path, [host]: "a" };
  // RFC 9113, 6.5.2: SETTINGS_INITIAL_WINDOW_SIZE, of streams.
  const settings = concat([Uint8Array.of(0, 4), uint32(window)]);
  return toLatin1(concat([
    PREFACE,
    frame(FrameType.settings, Flag.none, 0, settings),
    ...window > 65_535 ? [windowUpdate(0, window - 65_535)] : [],
    frame(
      FrameType.headers,
      Flag.endHeaders | Flag.endStream,
      1,
      headerBlock(Object.entries(fields)),
    ),
  ]));
}

function windowUpdate(stream: number, bytes: number): Uint8Array {
  return frame(FrameType.windowUpdate, Flag.none, stream, uint32(bytes));
}

function uint32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value);
  return bytes;
}

/**
 * Asks by HTTP/2 with windows of 64 KiB, and gives them back at a slow pace for so long, or never: it is
 * in Deno that the response waits, not in the kernel. Some clients take a GOAWAY for the end of all, and
 * so does this one. Returns how much has come.
 */
export async function downloadByHttp2(
  port: number,
  slowMs: number | "never" | "never, but pings",
): Promise<number> {
  using wire = await Wire.connect(port);
  await wire.send(beginHttp2("/"));
  const slowUntil = typeof slowMs === "string" ? 0 : performance.now() + slowMs;
  using _pings = slowMs === "never, but pings" ? pinging(wire) : null;
  let [received, owed] = [0, 0];
  for (;;) {
    const next = takeFrame(wire);
    if (next === null) {
      if (!await wire.receive()) return received;
      continue;
    }
    const { type, flags, payload } = next;
    await acknowledge(wire, next);
    if (type === FrameType.goAway) return received;
    if (type !== FrameType.data) continue;
    received += payload.length;
    if ((flags & Flag.endStream) !== 0) return received;
    owed += payload.length;
    if (typeof slowMs === "string" || owed < STEP_BYTES / 2) continue;
    if (performance.now() < slowUntil) await sleep(STEP_MS);
    await wire.send(toLatin1(concat([0, 1].map((stream) => windowUpdate(stream, owed)))));
    owed = 0;
  }
}

/**
 * Asks by HTTP/2 for /middle with windows so wide that the server can write all of it at once, takes it
 * slowly, and says each time that there is room again, as clients do. `host`: the field that names the
 * host. Returns how much has come.
 */
export async function middleByHttp2(port: number, host: ":authority" | "host"): Promise<number> {
  using wire = await Wire.connect(port);
  await wire.send(beginHttp2("/middle", { host, window: 4 * MIDDLE_BYTES }));
  const buffer = new Uint8Array(SMALL_STEP_BYTES);
  for (let received = 0;;) {
    const next = takeFrame(wire);
    if (next === null) {
      await sleep(STEP_MS);
      // Before the kernel has room again: what the server has not sent by now is what it may lose.
      await wire.send(toLatin1(windowUpdate(0, 1)));
      const length = await wire.connection.read(buffer).catch(() => null);
      if (length === null) return received;
      wire.received += toLatin1(buffer.subarray(0, length));
      continue;
    }
    await acknowledge(wire, next);
    if (next.type !== FrameType.data) continue;
    received += next.payload.length;
    if ((next.flags & Flag.endStream) !== 0) return received;
  }
}

/** Deno closes only when its ping is answered. */
export async function acknowledge(wire: Wire, { type, flags, payload }: Frame): Promise<void> {
  if (type !== FrameType.ping && type !== FrameType.settings || (flags & Flag.ack) !== 0) return;
  const bytes = type === FrameType.ping ? toBytes(payload) : new Uint8Array(0);
  await wire.send(toLatin1(frame(type, Flag.ack, 0, bytes)));
}

/** A client that is there, whatever it takes. */
function pinging(wire: Wire): Disposable {
  const ping = toLatin1(frame(FrameType.ping, Flag.none, 0, new Uint8Array(8)));
  const timer = setInterval(() => void wire.send(ping).catch(() => {}), 100);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}
