import { assertEquals } from "@std/assert";
import { ask } from "../../support/http.ts";
import { sceneTest } from "../../support/scene.ts";
import { until } from "../../support/wait.ts";

/** A Deno that serves no single connection. It makes the function when serve is first looked at. */
const WITHOUT_CONNECTIONS = "void Deno.serve; delete Deno[Deno.internal].serveHttpOnConnection;";

const APP = new URL("../../apps/fetch.ts", import.meta.url).pathname;

for (const threads of [0, 1]) {
  const where = threads === 0 ? "inline" : "with a thread";

  sceneTest(
    `without Deno's internals Deno.serve is the fallback, with a warning, ${where}`,
    async (scene) => {
      const another = scene.write("another_deno.ts", WITHOUT_CONNECTIONS);
      const server = scene.run(["-b", "127.0.0.1:0", "-w", "0", "-t", String(threads), APP], {
        denoFlags: ["--preload", another],
      });
      await server.says(/falling back on Deno\.serve/);
      await server.says(/Listening at/);
      assertEquals(await server.get("/text"), "text");
      const echo = await server.fetch("/echo", { method: "POST", body: "x".repeat(200_000) });
      assertEquals((await echo.text()).length, 200_000);
      const failed = await server.fetch("/throw");
      assertEquals([failed.status, await failed.text()], [500, "Internal Server Error\n"]);
      assertEquals((await server.get("/download?bytes=3000000")).length, 3_000_000);
    },
  );

  sceneTest(
    `what a Deno has not, but for what a server needs, is named and done without, ${where}`,
    async (scene) => {
      const another = scene.write(
        "another_deno.ts",
        "const all = Object.getOwnPropertySymbols;" +
          "Object.getOwnPropertySymbols = (it) =>" +
          " all(it).filter(({ description }) => description === 'request');",
      );
      const server = scene.run(["-b", "127.0.0.1:0", "-w", "0", "-t", String(threads), APP], {
        denoFlags: ["--preload", another],
      });
      await server.says(/as denicorn knows it: without .*\bresponse, .*headers guard.* requests/);
      await server.says(/Listening at/);
      assertEquals(await server.get("/text"), "text");
      const echo = await server.fetch("/echo", { method: "POST", body: "x".repeat(200_000) });
      assertEquals((await echo.text()).length, 200_000);
      assertEquals((await server.get("/download?bytes=3000000")).length, 3_000_000);
    },
  );
}

sceneTest("the fallback listens again where an app's mistake ends Deno.serve", async (scene) => {
  const another = scene.write("another_deno.ts", WITHOUT_CONNECTIONS);
  const app = scene.write(
    "regretting.ts",
    `export default (request) => {
      if (request.headers.has("upgrade")) Deno.upgradeWebSocket(request);
      return new Response("served");
    };`,
  );
  const server = scene.run(["-b", "127.0.0.1:0", "-w", "0", "-t", "0", app], {
    denoFlags: ["--preload", another],
  });
  await server.says(/Listening at/);
  for (let i = 0; i < 2; i++) {
    const socket = new WebSocket(`ws://127.0.0.1:${server.port}/`);
    const closed = new Promise((resolve) => socket.onclose = resolve);
    socket.onerror = (event) => event.preventDefault();
    await server.says(/Deno\.serve has ended by itself/, i + 1);
    await until(
      "it serves again",
      () => server.get("/").then((it) => it === "served", () => false),
    );
    socket.close();
    await closed;
  }
});

sceneTest("the fallback treats unix sockets as they are treated otherwise", async (scene) => {
  const another = scene.write("another_deno.ts", WITHOUT_CONNECTIONS);
  const path = `${scene.directory}/app.sock`;
  // As a server that was killed leaves it: Deno removes no file of a socket that it closes.
  Deno.listen({ transport: "unix", path }).close();
  const name = `denicorn-${crypto.randomUUID()}`;
  const args = ["-b", `unix:${path}`, "-b", `unix:@${name}`, "--unix-mode", "0640"];
  const denoFlags = ["--preload", another];
  const server = scene.launch({ workers: 0, args, denoFlags });
  await server.says(/Listening at/);
  assertEquals(Deno.lstatSync(path).mode! & 0o777, 0o640);
  for (const address of [path, `\0${name}`]) {
    assertEquals(await ask({ transport: "unix", path: address }), `pid ${server.pid}`);
  }
  await server.stop();
  assertEquals([...Deno.readDirSync(scene.directory)].map((file) => file.name).sort(), [
    "another_deno.ts",
    "app.ts",
  ]);
});

sceneTest("the fallback says what it cannot serve, and what to do", async (scene) => {
  const another = scene.write("another_deno.ts", WITHOUT_CONNECTIONS);
  const args = ["-b", `unix:${scene.directory}/app.sock`];
  const server = scene.launch({ workers: 1, args, denoFlags: [`--preload=${another}`] });
  assertEquals((await server.end()).code, 1);
  await server.says(/Cannot listen on fd:\/\/\d+: .* a unix socket with workers: 0/);
});
