import { assert, assertEquals } from "@std/assert";
import { connect, local } from "../../support/http.ts";
import { Load } from "../../support/load.ts";
import { fetchOnce } from "../../support/running.ts";
import { sceneTest } from "../../support/scene.ts";
import { soon, until } from "../../support/wait.ts";
import { exists } from "../../support/files.ts";

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

/** Debian's package libfaketime: a process sees the time that a file tells. */
const FAKETIME = `/usr/lib/${Deno.build.arch}-linux-gnu/faketime/libfaketimeMT.so.1`;
const HOUR_MS = 3_600_000;

sceneTest("a clock that jumps by days, forth and back, ends and delays nothing", async (scene) => {
  const jump = (offset: string) => {
    const path = `${scene.directory}/offset`;
    // At once: half a file is no time.
    Deno.renameSync(scene.write("offset.new", `${offset}\n`), path);
    return path;
  };
  const env = {
    LD_PRELOAD: FAKETIME,
    FAKETIME_TIMESTAMP_FILE: jump("+0"),
    FAKETIME_NO_CACHE: "1",
    // As in a kernel: what only goes forward is not set.
    DONT_FAKE_MONOTONIC: "1",
  };
  const app = `export default {
  async fetch(request) {
    const begun = Date.now();
    const hasJumped = () => Math.abs(Date.now() - begun) > ${HOUR_MS};
    const waits = request.url.endsWith("/wait");
    if (waits) console.log("waits");
    while (waits && !hasJumped()) await new Promise((resolve) => setTimeout(resolve, 10));
    return new Response(String(Date.now()));
  },
};\n`;
  // Each would be over after three days.
  const args = ["--keep-alive", "1h", "--timeout", "1h", "--max-lifetime", "2d"];
  const server = await scene.start({ app, args: [...args, "-t", "2"], env });
  const before = server.procs().map(({ pid }) => pid);
  const load = new Load({ port: server.port, clients: { fresh: 2, kept: 2, post: 2 } });
  for (const [i, days] of [3, -3, 0].entries()) {
    const waiting = server.get("/wait");
    await server.says(/waits/, i + 1);
    const offset = `${days < 0 ? "" : "+"}${days}d`;
    jump(offset);
    const told = Number(await soon("the one that waited", waiting));
    assert(Math.abs(told - Date.now() - days * 24 * HOUR_MS) < HOUR_MS, `${offset}: ${told}`);
    const answered = load.requests;
    await until("requests are answered", () => load.requests > answered + 100);
  }
  assertEquals((await load.stop()).failures, []);
  assertEquals(server.procs().map(({ pid }) => pid), before);
  assert(!/WARNING|ERROR/.test(server.output), server.output);
}, { needs: exists(FAKETIME) });

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
