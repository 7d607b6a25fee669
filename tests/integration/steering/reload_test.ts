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

sceneTest(
  "a new manager (USR2) steers when the old one has gone, and reloads lose nothing",
  async (scene) => {
    const pidfile = `${scene.directory}/app.pid`;
    const args = ["--pid", pidfile, "--log-level", "debug"];
    const server = await scene.start({ app: APP, workers: 3, args: [...fixedPort(), ...args] });
    const load = new Load({ port: server.port, clients: { fresh: 4, post: 4 } });
    server.signal("SIGUSR2");
    await server.ready(6);
    const successor = Number(Deno.readTextFileSync(`${pidfile}.2`));
    server.signal("SIGTERM");
    // The sockets of the old one have closed in an order that nobody knows.
    await server.says(/The order of the sockets at \S+ is found to be procs \d,\d,\d/);
    for (let reload = 1; reload <= 3; reload++) {
      Deno.kill(successor, "SIGHUP");
      await server.ready(6 + 3 * reload);
    }
    const { failures } = await load.stop();
    assertEquals(failures, []);
    assert(!server.output.includes("Cannot steer"), "an order was unsure");
    Deno.kill(successor, "SIGTERM");
    await until("no process is left", () => server.everyProcess().length === 0);
  },
);

/** One that can be bound again while others hold it: port 0 would be another one each time. */
function fixedPort(): string[] {
  using free = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return ["-b", `127.0.0.1:${free.addr.port}`];
}
