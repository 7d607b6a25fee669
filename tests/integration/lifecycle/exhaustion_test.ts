import { assert, assertEquals } from "@std/assert";
import { connect, local } from "../../support/http.ts";
import { Load } from "../../support/load.ts";
import { fetchOnce } from "../../support/running.ts";
import { sceneTest } from "../../support/scene.ts";
import { until } from "../../support/wait.ts";

const DESCRIPTORS = 256;
const CONNECTIONS = 1_000;
const MIXED_REQUESTS = 3_000;

/** Complains about each request on the error log, and on both of its streams. */
const COMPLAINER = `export default {
  fetch(request) {
    const { pathname } = new URL(request.url);
    try { console.log(pathname); console.error(pathname); } catch {}
    if (pathname === "/throw") throw new Error("complaint");
    return new Response("pid " + Deno.pid);
  },
};
`;

sceneTest(
  "with all descriptors used up who is there is served, and others when there is room",
  async (scene) => {
    const prefix = ["prlimit", `--nofile=${DESCRIPTORS}`];
    const server = await scene.start({ workers: 1, prefix });
    const [proc] = server.procs();
    using kept = await connect(local(server.port));
    const asks = async () => {
      await kept.write(new TextEncoder().encode("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
      const size = await kept.read(new Uint8Array(1_024)) ?? 0;
      assert(size > 0, "the connection from before was cut");
    };
    await asks();
    const idle = await Promise.all(
      Array.from({ length: CONNECTIONS }, () => connect(local(server.port))),
    );
    await server.says(/Cannot accept connections for now/);
    await asks();
    for (const connection of idle) connection.close();
    assertEquals(await server.get(), `pid ${proc!.pid}`);
    await server.says(/Connections are accepted again/);
    assertEquals(
      server.procs().map(({ pid }) => pid),
      [proc!.pid],
      "the proc has lived through it",
    );
  },
);

for (
  const [what, redirection] of [
    ["is on a full disk", "2>/dev/full 1>&2"],
    ["is closed", "2>&- 1>&-"],
    ["has lost its reader", "2> >(exec true) 1>&2"],
  ] as const
) {
  sceneTest(`standard error ${what}: requests, reload and stop go on as ever`, async (scene) => {
    using free = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const { port } = free.addr;
    free.close();
    // With the program as $0: bash replaces itself with it.
    const prefix = ["bash", "-c", `exec "$0" "$@" ${redirection}`];
    const args = ["-b", `127.0.0.1:${port}`];
    const server = scene.launch({ app: COMPLAINER, workers: 2, args, prefix });
    const ask = (path: string) => fetchOnce(`http://127.0.0.1:${port}${path}`);
    const serving = async () => {
      const response = await ask("/").catch(() => null);
      return response === null ? null : await response.text();
    };
    const first = await until("it serves", serving);
    for (let i = 0; i < 20; i++) {
      const response = await ask("/throw");
      assertEquals([response.status, await response.text()], [500, "Internal Server Error\n"]);
    }
    const before = server.procs().map(({ pid }) => pid);
    assert(before.includes(Number(first.slice("pid ".length))));
    server.signal("SIGHUP");
    await until("the procs are new", () => {
      const now = server.procs();
      return now.length === 2 && now.every(({ pid }) => !before.includes(pid));
    });
    assert((await until("it serves", serving)).startsWith("pid "));
  });
}

sceneTest("answers that come after their timeout reach nobody", async (scene) => {
  const app = `export default {
  async fetch(request) {
    const { pathname } = new URL(request.url);
    if (pathname.endsWith("77")) {
      await new Promise((resolve) => setTimeout(resolve, 1_000 + Math.random() * 500));
    }
    return new Response(pathname);
  },
};
`;
  const server = await scene.start({ app, args: ["--timeout", "1", "-t", "2"] });
  const clients = { fresh: 10, kept: 30 };
  const load = new Load({ port: server.port, clients, expect: (n) => `/${n}` });
  await until("enough are answered", () => load.requests >= MIXED_REQUESTS);
  const { failures } = await load.stop();
  assertEquals(failures.filter(({ what }) => what !== "status 504"), []);
  assert(failures.length >= MIXED_REQUESTS / 200, `only ${failures.length} timed out`);
});
