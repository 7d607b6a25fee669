import { assert, assertEquals } from "@std/assert";
import { Load } from "../../support/load.ts";
import { sceneTest } from "../../support/scene.ts";
import { until } from "../../support/wait.ts";

/** Answers when the body has been read: a request that is cut in the middle gets no answer. */
const APP = `export default {
  async fetch(request) {
    await request.arrayBuffer();
    return new Response("pid " + Deno.pid);
  },
};
`;

for (
  const [what, reloads, clients, args] of [
    ["requests over fresh connections", 6, { fresh: 8 }, []],
    ["uploads of 16 KiB", 20, { post: 8 }, []],
    ["requests over kept connections", 6, { kept: 8 }, []],
    ["uploads of 16 KiB to a shared socket", 6, { post: 8 }, ["--listener", "shared"]],
  ] as const
) {
  sceneTest(`${reloads} reloads lose none of the ${what}`, async (scene) => {
    const server = await scene.start({ app: APP, workers: 2, args });
    const load = new Load({ port: server.port, clients });
    for (let reload = 1; reload <= reloads; reload++) {
      server.signal("SIGHUP");
      await server.ready(2 + 2 * reload);
      // Some requests to the new ones alone, or else a slow machine would test nothing.
      const answered = load.requests;
      await until("requests are answered", () => load.requests > answered + 20);
    }
    const { answers, failures } = await load.stop();
    assertEquals(failures, []);
    // Each proc of each generation took its part.
    assert(answers.size > reloads, `only ${answers.size} procs answered`);
  });
}
