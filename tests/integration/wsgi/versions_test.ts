/** Every Python of the machine serves the same app in the same way. */

import { assert, assertEquals } from "@std/assert";
import { sceneTest } from "../../support/scene.ts";
import { pythons } from "../../unit/python/pythons.ts";
import { startWsgi } from "./app.ts";

for (const python of pythons()) {
  sceneTest(`${python} serves`, async (scene) => {
    const args = ["--python", python];
    const server = await startWsgi(scene, "conformance:validated", { threads: 4, args });
    const answers = await Promise.all(Array.from({ length: 4 }, () => server.get("/meet")));
    assertEquals(answers, Array(4).fill("met"));
    assertEquals(await server.get("/generator"), "one two");
    assertEquals(await server.get("/write"), "written twice and returned");
    assertEquals(await server.get("/recurse"), "too deep");
    const body = "x".repeat(1_000_000);
    const echo = await server.fetch("/echo", { method: "POST", body });
    assert(await echo.text() === body, "the body differs");
    assert(!/ERROR|Traceback/.test(server.output), server.output);
    const failed = await server.fetch("/nowhere", { method: "HEAD" });
    assertEquals(failed.status, 404);
  });
}
