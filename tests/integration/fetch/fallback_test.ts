import { assertEquals } from "@std/assert";
import { sceneTest } from "../../support/scene.ts";

const APP = new URL("../../apps/fetch.ts", import.meta.url).pathname;

for (const threads of [0, 1]) {
  const where = threads === 0 ? "inline" : "with a thread";

  sceneTest(
    `without Deno's internals Deno.serve is the fallback, with a warning, ${where}`,
    async (scene) => {
      const another = scene.write(
        "another_deno.ts",
        // Deno makes it when serve is first looked at.
        "void Deno.serve; delete Deno[Deno.internal].serveHttpOnConnection;",
      );
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
