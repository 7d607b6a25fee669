import { assertEquals } from "@std/assert";
import { sceneTest } from "../../support/scene.ts";
import { until } from "../../support/wait.ts";

/** /spin never comes back; /slow is answered when the file GATE is there; the rest says who answers. */
const APP = `export default {
  async fetch(request) {
    const { pathname } = new URL(request.url);
    if (pathname === "/spin") for (;;);
    if (pathname === "/slow") {
      console.log("slow has begun");
      for (;;) {
        try {
          await Deno.stat(Deno.env.get("GATE"));
          break;
        } catch {
          await new Promise((resolve) => setTimeout(resolve, 10));
        }
      }
    }
    return new Response("pid " + Deno.pid);
  },
};
`;

sceneTest(
  "a thread that spins: its client gets 504, the new proc comes first, the others finish",
  async (scene) => {
    const gate = `${scene.directory}/gate`;
    // Longer than the new proc takes to boot on a busy machine: /slow has to outlast it.
    const args = ["--timeout", "8", "-t", "2", "--affinity", "none"];
    const server = await scene.start({ app: APP, workers: 1, args, env: { GATE: gate } });
    const [victim] = server.procs();
    const spun = server.fetch("/spin");
    await server.says(/is to be replaced: .*hang/);
    // The new proc takes a moment to boot: until it is ready, there is only the old one to ask.
    const slow = server.get("/slow");
    slow.catch(() => {});
    await server.says(/slow has begun/);
    const response = await spun;
    assertEquals(response.status, 504);
    await response.body?.cancel();
    await server.ready(2);
    Deno.writeTextFileSync(gate, "");
    assertEquals(await slow, `pid ${victim!.pid}`);
    await until(
      "the old proc is gone",
      () => server.procs().every(({ pid }) => pid !== victim!.pid),
    );
    assertEquals(await server.get(), `pid ${server.procs()[0]!.pid}`);
  },
);
