/** What a long upload holds in memory, as the kernel counts it for the whole tree of processes. */

import { assert } from "@std/assert";
import { peakOf, upload } from "../../../bench/support/chunked_upload.ts";
import { sceneTest } from "../../support/scene.ts";

const MB = 1e6;
const APP = new URL("../../../bench/apps/attacked.ts", import.meta.url).pathname;

/**
 * Seen are 14 to 18 MB, and the aim is 20 (bench/upload_memory.ts); without the collections of
 * os/memory/young_garbage.ts it is 35 to 42, without the bound on what the kernel keeps 46 to 66. A busy
 * machine may add to what is seen now and then; what has no bound is too much each time.
 */
const MOST_BYTES = 26 * MB;
const ATTEMPTS = 3;

for (const bursts of [false, true]) {
  const how = bursts ? "in bursts" : "as fast as it is taken";
  sceneTest(`100 MB uploaded in chunks ${how} are not held in memory`, async (scene) => {
    const peaks: number[] = [];
    do {
      // A new one each time: what an allocator has taken once it keeps.
      const args = ["-b", "127.0.0.1:0", "-w", "1", "-t", "1", "--limit-request-body", "0", APP];
      const server = scene.run(args);
      await server.ready(1);
      await upload(server.port, { total: 1 * MB, bursts }); // warms up
      const peak = await peakOf(
        server.pid,
        () => upload(server.port, { total: 100 * MB, bursts }),
      );
      peaks.push(peak);
      await server.stop();
    } while (Math.min(...peaks) > MOST_BYTES && peaks.length < ATTEMPTS);
    const shown = peaks.map((bytes) => (bytes / MB).toFixed(0)).join(", ");
    assert(Math.min(...peaks) <= MOST_BYTES, `memory grew by ${shown} MB`);
  });
}
