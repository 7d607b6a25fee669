/** Programs that were written to run alone, under node or `deno run`. */

import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { sceneTest } from "../../support/scene.ts";

for (const threads of ["2", "0"]) {
  const how = threads === "0" ? "inline" : "in threads";
  const args = ["-t", threads];

  sceneTest(`an app may change its directory as it starts, ${how}`, async (scene) => {
    scene.write("build/page.txt", "the page");
    scene.write("build/more/page.txt", "another page");
    const server = await scene.start({
      workers: 1,
      args,
      app: `import process from "node:process";
        process.chdir("build");
        const page = Deno.readTextFileSync("page.txt");
        Deno.chdir("more");
        export default () => new Response(page + ", " + Deno.readTextFileSync("page.txt"));`,
    });
    assertEquals(await server.get(), "the page, another page");
  });

  sceneTest(
    `an app listens that asks process.argv whether it is the program, ${how}`,
    async (it) => {
      const server = await it.start({
        workers: 1,
        args,
        app: `import http from "node:http";
        import process from "node:process";
        import { fileURLToPath } from "node:url";
        export const app = (_, response) => response.end("listening");
        if (process.argv[1] === fileURLToPath(import.meta.url)) http.createServer(app).listen(1);`,
      });
      assertEquals(await server.get(), "listening");
    },
  );

  sceneTest(`an app tells its parent that it is ready if there is one, ${how}`, async (scene) => {
    const server = await scene.start({
      workers: 1,
      args,
      app: `import http from "node:http";
        import process from "node:process";
        http.createServer((_, response) => response.end(String(process.connected))).listen(1, () => {
          if (process.send) process.send("ready");
        });`,
    });
    assertEquals(await server.get(), "undefined");
  });

  sceneTest(
    `of two servers the one is served that asks for denicorn's own port, ${how}`,
    async (scene) => {
      const server = await scene.start({
        workers: 1,
        args,
        app: `import http from "node:http";
        const health = http.createServer((_, response) => response.end("healthy")).listen(9000);
        const PORT = health.address().port; // as the environment tells it elsewhere
        http.createServer((_, response) => response.end("the app")).listen(PORT);`,
      });
      assertEquals(await server.get(), "the app");
      assertMatch(
        server.output,
        /The app calls listen\(\) for port (\d+), where denicorn serves it: its listen\(\) for port 9000 gets no request/,
      );
    },
  );

  sceneTest(`... also where both get their handlers behind listen(), ${how}`, async (scene) => {
    const server = await scene.start({
      workers: 1,
      args,
      app: `import http from "node:http";
        const health = http.createServer().listen(9000);
        health.on("request", (_, response) => response.end("healthy"));
        const app = http.createServer().listen(health.address().port);
        app.on("request", (_, response) => response.end("the app"));`,
    });
    assertEquals(await server.get(), "the app");
  });

  sceneTest(`a program that is installed in node_modules serves, ${how}`, async (scene) => {
    scene.write("package.json", '{ "dependencies": { "installed": "1.0.0" } }');
    scene.write(
      "node_modules/installed/package.json",
      '{ "name": "installed", "version": "1.0.0" }',
    );
    const app = scene.write(
      "node_modules/installed/bin.cjs",
      `require("node:http").createServer((_, response) => response.end("installed")).listen(1);`,
    );
    const server = scene.run(["-b", "127.0.0.1:0", "-w", "1", ...args, app]);
    await server.ready(1);
    assertEquals(await server.get(), "installed");
  });
}

sceneTest(
  "a request that was answered was not aborted, for who tracks connections too",
  async (scene) => {
    const server = await scene.start({
      workers: 1,
      app: `import http from "node:http";
      http.createServer((request, response) => {
        request.socket.on("close", () => console.log("the socket is closed"));
        request.on("close", () => console.log("closed, aborted:", request.aborted));
        setTimeout(() => response.end("answered"), 1);
      }).listen(1);`,
    });
    assertEquals(await server.get(), "answered");
    await server.says(/closed, aborted: false/);
    await server.says(/the socket is closed/);
  },
);

sceneTest("a path that is false is none: the app listens on its port", async (scene) => {
  const server = await scene.start({
    workers: 1,
    app: `import http from "node:http";
      const server = http.createServer((_, response) => response.end("it listens"));
      server.listen({ path: false, host: "0.0.0.0", port: 3000 } as unknown as { port: number });`,
  });
  assertEquals(await server.get(), "it listens");
  assertMatch(server.output, /The app calls listen\(\) for port 3000: /);
});

sceneTest("an app that forks by node:cluster is told at once that it must not", async (scene) => {
  const server = scene.launch({
    app: `import cluster from "node:cluster";
      import http from "node:http";
      if (cluster.isPrimary) cluster.fork();
      else http.createServer((_, response) => response.end()).listen(3000);`,
  });
  assertEquals((await server.end()).code, 4);
  assertStringIncludes(server.output, "cluster.fork() starts no workers under denicorn");
});

sceneTest("an unstable API of Deno's without its flag: the error names the flag", async (scene) => {
  const app = `await Deno.openKv(":memory:"); export default () => new Response("kept");`;
  const server = scene.launch({ app });
  assertEquals((await server.end()).code, 4);
  assertStringIncludes(
    server.output,
    `Deno.openKv is not a function; it is unstable: write "unstable": ["kv"] into the app's ` +
      "deno.json, or --unstable-kv before mod.ts",
  );
  const flagged = await scene.start({ app, denoFlags: ["--unstable-kv"] });
  assertEquals(await flagged.get(), "kept");
});
