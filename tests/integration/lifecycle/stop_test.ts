import { assert, assertEquals, assertRejects } from "@std/assert";
import { fetchOnce, type Running } from "../../support/running.ts";
import { sceneTest } from "../../support/scene.ts";
import { soon, until } from "../../support/wait.ts";
import { Wire } from "../../support/wire.ts";

/** GET /slow is answered when somebody else has asked for /finish, and not before. */
const GATED = `
const gate = Promise.withResolvers();
export default {
  async fetch(request) {
    const { pathname } = new URL(request.url);
    if (pathname === "/slow") {
      console.log("slow has begun");
      await gate.promise;
    }
    if (pathname === "/finish") gate.resolve();
    return new Response("done");
  },
};
`;

/** Answers after the file that the environment names is there. */
const WAITS_FOR_FILE = `
export default {
  async fetch() {
    console.log("slow has begun");
    for (;;) {
      try {
        await Deno.stat(Deno.env.get("GATE"));
        return new Response("done");
      } catch {
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    }
  },
};
`;

async function refusesConnections(server: Running): Promise<void> {
  const { port } = server;
  await until("no new connection is taken", async () => {
    try {
      (await Deno.connect({ hostname: "127.0.0.1", port })).close();
      return false;
    } catch {
      return true;
    }
  });
}

for (const workers of [0, 1]) {
  const who = workers === 0 ? "the solo process" : "a manager";

  sceneTest(`TERM to ${who}: new connections end, what is in flight is finished`, async (scene) => {
    const gate = `${scene.directory}/gate`;
    const server = scene.launch({ app: WAITS_FOR_FILE, workers, env: { GATE: gate } });
    await server.says(workers === 0 ? /Listening at/ : /is ready/);
    const slow = server.get("/slow");
    await server.says(/slow has begun/);
    server.signal("SIGTERM");
    await refusesConnections(server);
    assertEquals(server.ended, null);
    Deno.writeTextFileSync(gate, "");
    assertEquals(await slow, "done");
    assertEquals((await server.end()).code, 0);
  });

  sceneTest(
    `TERM to ${who}: after graceful_timeout the rest is cut, and counted`,
    async (scene) => {
      const server = scene.launch({ app: GATED, workers, args: ["--graceful-timeout", "0.5"] });
      await server.says(workers === 0 ? /Listening at/ : /is ready/);
      const slow = ["/slow", "/slow"].map((path) => server.fetch(path));
      await server.says(/slow has begun/, slow.length);
      server.signal("SIGTERM");
      for (const response of await soon("the clients are told", Promise.all(slow))) {
        assertEquals([response.status, await response.text()], [503, "Service Unavailable\n"]);
      }
      assertEquals((await server.end()).code, 0);
      assert(/2 exchanges were not finished/.test(server.output), server.output);
    },
  );

  for (const signal of ["SIGINT", "SIGQUIT"] as const) {
    sceneTest(`${signal} to ${who}: what is in flight is cut`, async (scene) => {
      const server = scene.launch({ app: GATED, workers });
      await server.says(workers === 0 ? /Listening at/ : /is ready/);
      const slow = server.fetch("/slow").then((response) => response.text());
      slow.catch(() => {});
      await server.says(/slow has begun/);
      server.signal(signal);
      await assertRejects(() => soon("the connection is cut", slow));
      assertEquals((await server.end()).code, 0);
    });
  }
}

/** Its body begins at once, and ends when the file that the environment names is there. */
const STREAMS_UNTIL_FILE = `
const encoder = new TextEncoder();
async function* body() {
  yield encoder.encode("begun");
  for (;;) {
    try {
      await Deno.stat(Deno.env.get("GATE"));
      return;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
}
export default {
  fetch: ({ url }) => new Response(url.endsWith("/stream") ? ReadableStream.from(body()) : "next"),
};
`;

for (const threads of [0, 1]) {
  sceneTest(
    `threads: ${threads}: TERM, and what follows a response that was under way is answered`,
    async (scene) => {
      const gate = `${scene.directory}/gate`;
      const args = ["--threads", `${threads}`];
      const server = await scene.start({ app: STREAMS_UNTIL_FILE, args, env: { GATE: gate } });
      using wire = await Wire.connect(server.port);
      await wire.send("GET /stream HTTP/1.1\r\nHost: x\r\n\r\n");
      while (!wire.received.includes("begun") && await wire.receive());
      server.signal("SIGTERM");
      await refusesConnections(server);
      Deno.writeTextFileSync(gate, "");
      // Its head was out before: nothing has told the client that the connection ends.
      assertEquals((await wire.response())?.fields.get("connection"), undefined);
      await wire.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
      const next = await wire.response();
      assertEquals([next?.body, next?.fields.get("connection")], ["next", "close"]);
      assertEquals((await server.end()).code, 0);
    },
  );
}

sceneTest("INT while TERM waits for what is in flight: it waits no more", async (scene) => {
  const server = await scene.start({ app: GATED, workers: 1 });
  server.fetch("/slow").catch(() => {});
  await server.says(/slow has begun/);
  server.signal("SIGTERM");
  await server.says(/is to leave/);
  server.signal("SIGINT");
  assertEquals((await server.end()).code, 0);
});

sceneTest("a second INT ends even procs that are stopped", async (scene) => {
  const server = await scene.start({ workers: 2 });
  for (const { pid } of server.procs()) Deno.kill(pid, "SIGSTOP");
  server.signal("SIGINT");
  await server.says(/Signal SIGINT/);
  server.signal("SIGINT");
  assertEquals((await server.end()).code, 0);
});

sceneTest("one INT gets rid of procs that are stopped, a little later", async (scene) => {
  const server = await scene.start({ workers: 2 });
  for (const { pid } of server.procs()) Deno.kill(pid, "SIGSTOP");
  server.signal("SIGINT");
  assertEquals((await server.end()).code, 0);
});

// Ctrl-C and the manager's own order race in every proc; a proc may be gone before the manager has
// read its own signal, and must not be taken for one that crashed.
for (const signal of ["INT", "TERM"] as const) {
  sceneTest(`${signal} to the whole process group starts nothing anew`, async (scene) => {
    const server = await scene.start({ workers: 2, group: true });
    await server.signalGroup(signal);
    assertEquals((await server.end()).code, 0);
    assertEquals(server.output.match(/starts/g)?.length, 2, server.output);
    assert(!/ERROR|CRITICAL|^\s+at /m.test(server.output), server.output);
  });
}

sceneTest("Ctrl-C while procs boot: exit code 0, no error and no warning", async (scene) => {
  const app = "await new Promise((resolve) => setTimeout(resolve, 3600_000));\n";
  const server = scene.launch({ app, workers: 2, group: true });
  await server.says(/Proc \d+, pid \d+, starts/, 2);
  await server.signalGroup("INT");
  assertEquals((await server.end()).code, 0, server.output);
  assert(!/WARNING|ERROR|CRITICAL|^\s+at /m.test(server.output), server.output);
});

sceneTest("a killed manager takes its procs with it, even stopped ones", async (scene) => {
  const server = await scene.start({ workers: 2 });
  const [first] = server.procs();
  Deno.kill(first!.pid, "SIGSTOP");
  server.signal("SIGKILL");
  await server.end();
  // The promise is two seconds; the scene then checks that the port is free too.
  await until("no proc is left", () => server.everyProcess().length === 0, 2_000);
});

sceneTest("a manager that is killed while procs boot takes them with it", async (scene) => {
  const server = scene.launch({ app: "for (;;);\n", workers: 2 });
  await server.says(/Proc \d+, pid \d+, starts/, 2);
  await until("both procs have their name", () => server.procs().length === 2);
  server.signal("SIGKILL");
  await server.end();
  await until("no proc is left", () => server.everyProcess().length === 0, 2_000);
});

sceneTest(
  "draining procs say Connection: close, and idle connections are closed",
  async (scene) => {
    const server = await scene.start({ app: GATED, workers: 1 });
    using client = Deno.createHttpClient({ poolMaxIdlePerHost: 1 });
    const idle = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
    const slow = fetch(`${server.url}/slow`, { client });
    await server.says(/slow has begun/);
    server.signal("SIGTERM");
    await server.says(/is to leave/);
    assertEquals(await soon("the idle connection is closed", idle.read(new Uint8Array(1))), null);
    idle.close();
    await assertRejects(() => fetchOnce(`${server.url}/finish`));
    server.signal("SIGINT");
    await slow.then((it) => it.body?.cancel(), () => {});
    assertEquals((await server.end()).code, 0);
  },
);

sceneTest("Ctrl-C ends the wait for a port in use", async (scene) => {
  using holder = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const server = scene.launch({ args: ["-b", `127.0.0.1:${holder.addr.port}`] });
  await server.says(/is in use; trying again/);
  server.signal("SIGINT");
  assertEquals((await server.end()).code, 0);
  assertEquals(server.output.match(/trying again/g)?.length, 1);
});

sceneTest(
  "TERM while an app of node:http answers, inline: the proc leaves behind the answer",
  async (scene) => {
    const server = await scene.start({
      workers: 1,
      args: ["-t", "0", "--graceful-timeout", "600"],
      // Longer than a request is left unwatched for its client's going.
      app: `import http from "node:http";
      http.createServer((_, response) => {
        console.log("slow has begun");
        setTimeout(() => response.end("done"), 800);
      }).listen(1);`,
    });
    const slow = server.get("/");
    await server.says(/slow has begun/);
    await new Promise((resolve) => setTimeout(resolve, 500));
    server.signal("SIGTERM");
    assertEquals(await slow, "done");
    assertEquals((await server.end()).code, 0);
  },
);
