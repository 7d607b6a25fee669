/** Every Python of the machine serves the same app in the same way. */

import { assert, assertEquals } from "@std/assert";
import { sceneTest } from "../../support/scene.ts";
import { pythons } from "../../unit/python/pythons.ts";
import { Client } from "../apps/socket_client.ts";
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

  sceneTest(`${python} has WebSockets`, async (scene) => {
    const args = ["--python", python];
    const server = await startWsgi(scene, "sockets", { threads: 2, args });
    const client = await Client.open(`ws://127.0.0.1:${server.port}/audience`);
    const echo = await Client.open(`ws://127.0.0.1:${server.port}/echo`);
    for (const text of ["short", "é", "x".repeat(200_000)]) {
      echo.socket.send(text);
      assert(await echo.next() === text);
    }
    await server.get("/say-from-a-thread");
    assertEquals(await client.next(), "from a thread");
    await server.get("/storm");
    let last: unknown;
    while (last !== "calm") last = await client.next();
    client.socket.close();
    assertEquals((await echo.close(4000)).code, 4000);
    await server.get("/alive");
  });
}
