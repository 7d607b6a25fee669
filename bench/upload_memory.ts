/**
 * The memory of a long upload: `deno run -A bench/upload_memory.ts [MEGABYTES] [ROUNDS]`
 *
 * 100 MB in chunks of 64 KiB, without any limit of size, to an app that counts them; as fast as they
 * are taken, and in bursts of 4 MB with pauses of 20 ms. A line for each: how much the Pss of the
 * server's process tree was up at its peak, looked at every 20 ms, after an upload of 1 MB had warmed
 * it up; and the CPU that the upload took.
 */

import { startAttacked } from "./support/attacked_server.ts";
import { peakOf, upload } from "./support/chunked_upload.ts";
import { treeCpuSeconds } from "./support/cpu.ts";
import { median } from "./table/summary.ts";

const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));
const [megabytes = "100", rounds = "3"] = Deno.args;
const total = Number(megabytes) * 1_000_000;
for (const bursts of [false, true]) {
  const [peaks, cpu]: [number[], number[]] = [[], []];
  for (let round = 0; round < Number(rounds); round++) {
    await using server = await startAttacked({ args: ["--limit-request-body", "0"] });
    await upload(server.port, { total: 1_000_000, bursts });
    await pause(1_000);
    const before = treeCpuSeconds(server.pid);
    const peak = await peakOf(server.pid, () => upload(server.port, { total, bursts }));
    peaks.push(peak / 1e6);
    cpu.push(treeCpuSeconds(server.pid) - before);
  }
  console.log(
    `${megabytes} MB uploaded in chunks, ${bursts ? "in bursts" : "at full speed"}: memory ` +
      `+${median(peaks).toFixed(0)} MB at most (${peaks.map((it) => it.toFixed(0)).join(", ")}), ` +
      `${median(cpu).toFixed(2)} s of CPU`,
  );
}
