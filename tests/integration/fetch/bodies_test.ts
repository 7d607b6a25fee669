import { assert, assertEquals } from "@std/assert";
import { pattern } from "../../apps/bodies.ts";
import { sceneTest } from "../../support/scene.ts";

const APP = new URL("../../apps/bodies.ts", import.meta.url).pathname;

/** Around each length at which a body takes another way (thread/queue_out.ts, wsgi/slab.ts). */
const KIB = 1024;
const LENGTHS = [0, 1, 500, 8191, 48 * KIB - 1, 48 * KIB, 64 * KIB, 128 * KIB, 1024 * KIB];

const KINDS = [
  ...["bytes", "fields", "text", "view", "pooled"],
  ...["changed", "changedLater", "detached", "resizable", "frozen", "cloned"],
];

/** How often each is asked for, all at the same time. */
const TIMES = 3;

for (const threads of [0, 1, 3]) {
  const where = threads === 0 ? "inline" : `in ${threads} thread${threads === 1 ? "" : "s"}`;
  sceneTest(`a body of any length and kind comes as it was given, ${where}`, async (scene) => {
    const options = ["-b", "127.0.0.1:0", "-w", "1", "-t", String(threads)];
    const server = scene.run([...options, APP]);
    await server.ready(1);
    for (const length of LENGTHS) {
      const expected = pattern(length);
      const asked = KINDS.flatMap((kind) => Array.from({ length: TIMES }, () => kind));
      await Promise.all(asked.map(async (kind) => {
        const response = await server.fetch(`/${kind}?${length}`);
        const bytes = await response.bytes();
        assertEquals(response.status, 200, `${kind} of ${length}`);
        assert(same(bytes, expected), `${kind} of ${length}: ${bytes.length} other bytes`);
      }));
    }
  });

  sceneTest(`shared memory is refused as a body, as Deno does, ${where}`, async (scene) => {
    const options = ["-b", "127.0.0.1:0", "-w", "1", "-t", String(threads)];
    const server = scene.run([...options, APP]);
    await server.ready(1);
    for (const length of [500, 64 * KIB]) {
      const response = await server.fetch(`/shared?${length}`);
      assertEquals([response.status, await response.text()], [500, "Internal Server Error\n"]);
    }
    await server.says(/GET \S*\/shared failed: TypeError: .*SharedArrayBuffer/, 2);
  });
}

/** assertEquals would show a megabyte. */
function same(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, at) => byte === b[at]);
}
