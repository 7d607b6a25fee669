/**
 * The memory of a long upload: `deno run -A bench/upload_memory.ts [MEGABYTES] [ROUNDS]`
 *
 * 100 MB in chunks of 64 KiB, without any limit of size, to an app that counts them; as fast as they
 * are taken, and in bursts of 4 MB with pauses of 20 ms. A line for each: how much the Pss of the
 * server's process tree was up at its peak, looked at every 20 ms, after an upload of 1 MB had warmed
 * it up; and the CPU that the upload took.
 */

import { startAttacked } from "./attacked_server.ts";
import { treeCpuSeconds, treePss } from "./cpu.ts";
import { median } from "./summary.ts";

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

async function upload(port: number, total: number, bursts: boolean): Promise<void> {
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

const [megabytes = "100", rounds = "3"] = Deno.args;
const total = Number(megabytes) * 1_000_000;
for (const bursts of [false, true]) {
  const [peaks, cpu]: [number[], number[]] = [[], []];
  for (let round = 0; round < Number(rounds); round++) {
    await using server = await startAttacked({ args: ["--limit-request-body", "0"] });
    await upload(server.port, 1_000_000, bursts);
    await pause(1_000);
    const before = { pss: treePss(server.pid), cpu: treeCpuSeconds(server.pid) };
    let peak = before.pss;
    const look = setInterval(() => peak = Math.max(peak, treePss(server.pid)), LOOK_MS);
    await upload(server.port, total, bursts);
    clearInterval(look);
    peaks.push((peak - before.pss) / 1e6);
    cpu.push(treeCpuSeconds(server.pid) - before.cpu);
  }
  console.log(
    `${megabytes} MB uploaded in chunks, ${bursts ? "in bursts" : "at full speed"}: memory ` +
      `+${median(peaks).toFixed(0)} MB at most (${peaks.map((it) => it.toFixed(0)).join(", ")}), ` +
      `${median(cpu).toFixed(2)} s of CPU`,
  );
}
