import { assert, assertEquals } from "@std/assert";
import { sceneTest } from "../../support/scene.ts";

const PAGE_BYTES = 64 * 1024;

const APP = `const PAGE = new Uint8Array(${PAGE_BYTES}).fill(120);
export default {
  fetch(request: Request): Response | Promise<Response> {
    const { pathname } = new URL(request.url);
    const init = pathname === "/fields" ? { headers: { "x-a": "1" } } : {};
    const response = new Response(PAGE, init);
    return pathname === "/promised" ? Promise.resolve(response) : response;
  },
};
`;

/** Isolates that have collected their young generation because they were asked to. */
const isolates = (output: string) =>
  new Set(
    [...output.matchAll(/\[(\d+:0x[0-9a-f]+)\][^\n]*Scavenge[^\n]*testing/g)].map(([, it]) => it),
  );

for (const threads of [0, 1]) {
  for (const path of ["/", "/promised", "/fields"]) {
    const where = threads === 0 ? "inline" : "in server and thread";
    sceneTest(`what bodies of ${path} leave is collected, ${where}`, async (scene) => {
      const server = await scene.start({
        app: APP,
        workers: 1,
        args: ["-t", String(threads)],
        env: { DENO_V8_FLAGS: "--trace-gc" },
      });
      for (let asked = 0; isolates(server.output).size < 1 + threads; asked++) {
        assert(asked < 2_000, "no collection was asked for");
        const body = await (await server.fetch(path)).bytes();
        assertEquals(body.length, PAGE_BYTES);
      }
    });
  }
}
