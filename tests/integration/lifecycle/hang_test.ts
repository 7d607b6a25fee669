import { assert, assertEquals } from "@std/assert";
import { sceneTest } from "../../support/scene.ts";
import { soon, until } from "../../support/wait.ts";
import { Client } from "../apps/socket_client.ts";

/** So many clients ask at once, and each so often. */
const CLIENTS = 8;
const ROUNDS = 3;

/** /spin and /regex never come back; /slow is answered when the file GATE is there; the rest says who answers. */
const APP = `export default {
  async fetch(request) {
    const { pathname } = new URL(request.url);
    if (pathname === "/spin") for (;;);
    if (pathname === "/regex") /^(a+)+$/.test("a".repeat(99) + "b");
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

sceneTest("a thread whose regular expression has no end is found as well", async (scene) => {
  const args = ["--timeout", "1", "--graceful-timeout", "1"];
  const server = await scene.start({ app: APP, workers: 1, args });
  const [victim] = server.procs();
  assertEquals((await server.fetch("/regex")).status, 504);
  await server.says(/is to be replaced: thread 1 hangs/);
  await server.ready(2);
  await until("it is gone", () => server.procs().every(({ pid }) => pid !== victim!.pid));
});

for (const threads of [1, 2]) {
  sceneTest(
    `a thread that spins is found though its client has left, with ${threads} in its proc`,
    async (scene) => {
      const args = ["--timeout", "1", "--graceful-timeout", "1", "-t", String(threads)];
      const app = APP.replace("for (;;);", 'for (console.log("spins"); ; );');
      const server = await scene.start({ app, workers: 1, args });
      const [victim] = server.procs();
      const leaving = new AbortController();
      const spun = server.fetch("/spin", { signal: leaving.signal });
      await server.says(/spins/);
      leaving.abort();
      await spun.catch(() => {});
      await server.says(/WARNING.*No return within 1 s from the app in thread \d/);
      await server.says(/is to be replaced: thread \d hangs/);
      await server.ready(2);
      await until("it is gone", () => server.procs().every(({ pid }) => pid !== victim!.pid));
      assertEquals(await server.get(), `pid ${server.procs()[0]!.pid}`);
    },
  );
}

/** Spins at the first message. */
const SPINNING_SOCKET = `export default {
  fetch(request) {
    const { socket, response } = Deno.upgradeWebSocket(request);
    socket.onmessage = () => {
      console.log("spins");
      for (;;);
    };
    return response;
  },
};
`;

sceneTest(
  "a thread that spins for a WebSocket is found though its client has left",
  async (scene) => {
    const args = ["--timeout", "1", "--graceful-timeout", "1", "-t", "2"];
    const server = await scene.start({ app: SPINNING_SOCKET, workers: 1, args });
    const [victim] = server.procs();
    const client = await Client.open(server.url.replace("http", "ws"));
    client.socket.send("");
    await server.says(/spins/);
    client.socket.close();
    await server.says(/is to be replaced: thread \d hangs/);
    await server.ready(2);
    await until("it is gone", () => server.procs().every(({ pid }) => pid !== victim!.pid));
  },
);

/** Says what it runs; /spin/NAME ends when GATE-NAME is there, and not before it has been slow. */
const COUNTING_APP = `export default {
  fetch(request) {
    const { pathname } = new URL(request.url);
    console.log("ran " + pathname + ";");
    if (pathname.startsWith("/spin/")) {
      for (const begin = performance.now(); performance.now() < begin + 20;);
      for (;;) {
        try {
          Deno.statSync(Deno.env.get("GATE") + "-" + pathname.slice(6));
          break;
        } catch {
          // Not yet.
        }
      }
    }
    return new Response(pathname);
  },
};
`;

sceneTest(
  "what waits behind a thread that spins is answered by another one, and runs once",
  async (scene) => {
    const gate = `${scene.directory}/gate`;
    // Far longer than the test: a request that waited for the timeout would fail it.
    const args = ["--timeout", "600", "-t", "2"];
    const env = { GATE: gate };
    const server = await scene.start({ app: COUNTING_APP, workers: 1, args, env });
    const spinning = server.get("/spin/a");
    await server.says(/ran \/spin\/a;/);
    // Those of the first round that were queued behind it, and all later ones.
    const clients = Array.from({ length: CLIENTS }, async (_, client) => {
      for (let round = 0; round < ROUNDS; round++) {
        const path = `/${client}-${round}`;
        assertEquals(await soon(path, server.get(path)), path);
      }
    });
    await Promise.all(clients);
    // What was moved away from it still lies in its queue, and is passed over.
    Deno.writeTextFileSync(`${gate}-a`, "");
    assertEquals(await spinning, "/spin/a");
    for (let i = 0; i < CLIENTS; i++) await server.get(`/afterwards-${i}`);
    const ran = [...server.output.matchAll(/ran (\S+);/g)].map(([, path]) => path);
    assertEquals(ran.length, new Set(ran).size, "a request has run twice");
    assertEquals(ran.length, 1 + CLIENTS * ROUNDS + CLIENTS);
  },
);

sceneTest(
  "while every thread is busy all wait; who is free first takes all, once",
  async (scene) => {
    const gate = `${scene.directory}/gate`;
    const args = ["--timeout", "600", "-t", "2"];
    const env = { GATE: gate };
    const server = await scene.start({ app: COUNTING_APP, workers: 1, args, env });
    const spinning = [server.get("/spin/a"), server.get("/spin/b")];
    await server.says(/ran \/spin\/[ab];/, 2);
    const waiting = Array.from({ length: CLIENTS }, (_, i) => server.get(`/${i}`));
    Deno.writeTextFileSync(`${gate}-a`, "");
    assertEquals(await soon("the first", spinning[0]!), "/spin/a");
    assertEquals(await soon("all", Promise.all(waiting)), waiting.map((_, i) => `/${i}`));
    Deno.writeTextFileSync(`${gate}-b`, "");
    assertEquals(await spinning[1], "/spin/b");
    const ran = [...server.output.matchAll(/ran (\S+);/g)];
    assertEquals(ran.length, 2 + CLIENTS);
  },
);

sceneTest(
  "an answer does not wait for those that compute behind it in the queue",
  async (scene) => {
    const gate = `${scene.directory}/gate`;
    const env = { GATE: gate };
    const args = ["--timeout", "600"];
    const server = await scene.start({ app: COUNTING_APP, workers: 1, args, env });
    const first = server.get("/spin/a");
    await server.says(/ran \/spin\/a;/);
    // These come to the thread together, when it is done with the first one.
    const next = new Map(["b", "c", "d"].map((name) => [name, server.get(`/spin/${name}`)]));
    Deno.writeTextFileSync(`${gate}-a`, "");
    assertEquals(await soon("the first", first), "/spin/a");
    for (let ran = 2; ran <= 4; ran++) {
      await server.says(/ran \/spin\/\w;/, ran);
      const name = [...server.output.matchAll(/ran \/spin\/(\w);/g)].at(-1)![1]!;
      Deno.writeTextFileSync(`${gate}-${name}`, "");
      assertEquals(await soon(name, next.get(name)!), `/spin/${name}`);
    }
  },
);

/** Answers by and by, then spins: when its time is over, it has been heard a moment ago. */
const LATE_SPINNER = `export default {
  async fetch(request) {
    const { pathname } = new URL(request.url);
    if (pathname === "/later") {
      await new Promise((resolve) => request.signal.addEventListener("abort", resolve));
      for (;;);
    }
    if (pathname === "/compute") console.log("computing");
    // Half a second of the CPU, while others wait in the queue.
    for (const begin = Date.now(); pathname === "/compute" && Date.now() < begin + 500;);
    return new Response("pid " + Deno.pid);
  },
};
`;

sceneTest(
  "a thread that begins to spin when its exchange has been given up is found",
  async (scene) => {
    const args = ["--timeout", "1", "--graceful-timeout", "1"];
    const server = await scene.start({ app: LATE_SPINNER, workers: 1, args });
    const [victim] = server.procs();
    assertEquals((await server.fetch("/later")).status, 504);
    await server.says(/is to be replaced: thread 1 hangs/);
    await server.ready(2);
    await until("it is gone", () => server.procs().every(({ pid }) => pid !== victim!.pid));
  },
);

sceneTest(
  "a thread with more to compute than it has time for is not taken for hanging",
  async (scene) => {
    const server = await scene.start({ app: LATE_SPINNER, workers: 1, args: ["--timeout", "2"] });
    const [proc] = server.procs();
    const statuses = await Promise.all(
      Array.from({ length: CLIENTS }, async () => {
        const response = await server.fetch("/compute");
        await response.body?.cancel();
        return response.status;
      }),
    );
    // Some had to wait for longer than their timeout, and were not run any more.
    assertEquals([...new Set(statuses)].sort(), [200, 504]);
    assertEquals(await server.get(), `pid ${proc!.pid}`);
    const ran = [...server.output.matchAll(/computing/g)].length;
    assert(ran < CLIENTS, `all ${ran} were run`);
    assertEquals(server.output.includes("hangs"), false, server.output);
  },
);
