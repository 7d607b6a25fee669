import { assertEquals } from "@std/assert";
import { sceneTest } from "../../support/scene.ts";
import { ask, mirrored, startMirror } from "./mirror.ts";

const HEAD = "GET /a?b HTTP/1.1\r\nHost: inner\r\n";

for (const threads of [0, 1]) {
  const where = threads === 0 ? "inline" : "in a thread";

  sceneTest(`an app sees the client that a trusted proxy names, ${where}`, async (scene) => {
    const server = await startMirror(scene, threads, "--access-log", "-");
    const request = HEAD + "X-Forwarded-For: 6.6.6.6, 203.0.113.9\r\n" +
      "X-Forwarded-Proto: https\r\nX-Forwarded-Host: shop.example\r\n\r\n";
    const seen = mirrored(await ask(server.port, request));
    assertEquals(seen.url, "https://shop.example/a?b");
    assertEquals(seen.remote, { transport: "tcp", hostname: "203.0.113.9", port: 0 });
    assertEquals(new Map(seen.fields).get("host"), "shop.example");
    await server.says(/\n203\.0\.113\.9 - - .*"GET \/a\?b HTTP\/1\.1" 200/);
  });

  sceneTest(`nobody else is believed, ${where}`, async (scene) => {
    const server = await startMirror(scene, threads, "--forwarded-allow-ips", "10.0.0.0/8");
    const request = HEAD + "X-Forwarded-For: 203.0.113.9\r\nX-Forwarded-Proto: https\r\n" +
      "Forwarded: for=203.0.113.9;proto=https;host=evil\r\n\r\n";
    const seen = mirrored(await ask(server.port, request));
    assertEquals(seen.url, "http://inner/a?b");
    assertEquals((seen.remote as Deno.NetAddr).hostname, "127.0.0.1");
  });

  sceneTest(`fields with an underscore are dropped, refused or kept, ${where}`, async (scene) => {
    const request = HEAD + "X_Forwarded_For: 6.6.6.6\r\nX-Kept: 1\r\n\r\n";
    for (const [map, names] of [["drop", ["host", "x-kept"]], ["keep", null]] as const) {
      const server = await startMirror(scene, threads, "--header-map", map);
      const seen = mirrored(await ask(server.port, request)).fields.map(([name]) => name);
      assertEquals(seen, names ?? ["host", "x-kept", "x_forwarded_for"]);
    }
    const server = await startMirror(scene, threads, "--header-map", "refuse");
    assertEquals((await ask(server.port, request))?.status, 400);
  });
}

sceneTest("stories that do not agree are refused", async (scene) => {
  const server = await startMirror(scene, 1);
  const conflicts = [
    "X-Forwarded-Proto: https\r\nX-Forwarded-Ssl: off\r\n",
    "X-Forwarded-For: 203.0.113.9\r\nForwarded: for=6.6.6.6\r\n",
    "Forwarded: for=a b\r\n",
    "X-Forwarded-Host: a/b\r\n",
  ];
  for (const fields of conflicts) {
    assertEquals((await ask(server.port, `${HEAD}${fields}\r\n`))?.status, 400, fields);
  }
});

sceneTest("the peer of a unix socket is trusted as long as unix is in the list", async (scene) => {
  const path = `${scene.directory}/app.sock`;
  const mirror = new URL("../../apps/mirror.ts", import.meta.url).pathname;
  for (const [list, host] of [["unix", "203.0.113.9"], ["127.0.0.1", null]] as const) {
    const server = scene.run([
      "-b",
      `unix:${path}`,
      "-w",
      "1",
      "--forwarded-allow-ips",
      list,
      mirror,
    ]);
    await server.ready(1);
    const { stdout } = await new Deno.Command("curl", {
      args: ["-s", "--unix-socket", path, "-H", "X-Forwarded-For: 203.0.113.9", "http://inner/a"],
    }).output();
    const seen = JSON.parse(new TextDecoder().decode(stdout));
    assertEquals(seen.url, "http://inner/a");
    assertEquals(seen.remote.hostname ?? null, host);
    await server.stop();
  }
});
