/** The end of a process: what the app has begun is finished, as a Python that ends does. */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { sceneTest } from "../../support/scene.ts";
import { until } from "../../support/wait.ts";
import { PYTHON, startWsgi } from "./app.ts";

const TOLD = "the app was told of its end";

for (const workers of [0, 1]) {
  const where = workers === 0 ? "solo" : "in a proc";
  sceneTest(`a thread that a request has started is waited for, ${where}`, async (scene) => {
    const server = await startWsgi(scene, "ends", { workers, threads: 2 });
    await server.says(/Ready: /);
    assertEquals(await server.get("/mail"), "False");
    await server.get("/daemon");
    await server.stop();
    assertMatch(server.output, /the mail is delivered\nand its copy\n/);
    assert(server.output.indexOf(TOLD) > server.output.indexOf("copy"), server.output);
    assert(!/WARNING/.test(server.output), server.output);
  });
}

sceneTest("so are those of a process that is replaced", async (scene) => {
  const server = await startWsgi(scene, "ends");
  await server.get("/mail");
  server.signal("SIGHUP");
  await server.says(/has left/);
  assertMatch(server.output, /the mail is delivered\nand its copy\n/);
});

for (const [workers, signal] of [[0, "SIGINT"], [1, "SIGINT"], [1, "SIGQUIT"]] as const) {
  sceneTest(`a quick stop lets the app end as well: ${signal}, ${workers} procs`, async (scene) => {
    const server = await startWsgi(scene, "ends", { workers });
    await server.says(/Ready: /);
    await server.get(`/open?${scene.directory}`);
    server.signal(signal);
    await server.end();
    assertStringIncludes(server.output, TOLD);
    assertEquals(Deno.readTextFileSync(`${scene.directory}/text`), "a line\n");
  });
}

for (const workers of [0, 1]) {
  sceneTest(
    `a quick stop in the midst of a graceful one lets the app end, ${workers} procs`,
    async (scene) => {
      const server = await startWsgi(scene, "ends", { workers });
      await server.says(/Ready: /);
      await server.get("/endless");
      await server.get(`/open?${scene.directory}`);
      await server.get("/told");
      server.signal("SIGTERM");
      await server.says(/the end has begun/);
      server.signal("SIGINT");
      await server.end();
      assertStringIncludes(server.output, TOLD);
      assertEquals(Deno.readTextFileSync(`${scene.directory}/text`), "a line\n");
    },
  );
}

sceneTest("a thread that outlives graceful_timeout is cut, and named", async (scene) => {
  const server = await startWsgi(scene, "ends", { args: ["--graceful-timeout", "1"] });
  await server.get("/endless");
  await server.stop();
  assertMatch(server.output, /WARNING.*threads of the app's own are cut: an endless one/);
  assertStringIncludes(server.output, TOLD);
});

sceneTest("a thread that has long been at work is not waited for", async (scene) => {
  const server = await startWsgi(scene, "ends", { args: ["--graceful-timeout", "0.1"] });
  await server.get("/endless");
  await until("it is older than ten times that", async () => Number(await server.get("/age")) > 1);
  await server.stop();
  assert(!/WARNING/.test(server.output), server.output);
  assertStringIncludes(server.output, TOLD);
});

sceneTest("what fails at the end keeps nothing else from being done", async (scene) => {
  const server = await startWsgi(scene, "ends");
  await server.get(`/open?${scene.directory}`);
  await server.get("/fail");
  await server.stop();
  assertMatch(server.output, /ValueError: told of at the end/);
  assertStringIncludes(server.output, TOLD);
  assertEquals(Deno.readTextFileSync(`${scene.directory}/text`), "a line\n");
  assert(!/CRITICAL|cannot be flushed/.test(server.output), server.output);
});

sceneTest("a thread whose class has a join() of its own is waited for", async (scene) => {
  const server = await startWsgi(scene, "ends");
  await server.get("/join");
  await server.stop();
  assertMatch(server.output, /the mail is delivered\nand its copy\n/);
  assertStringIncludes(server.output, TOLD);
  assert(!/CRITICAL/.test(server.output), server.output);
});

sceneTest("a standard error that is broken keeps no file from being written", async (scene) => {
  const server = await startWsgi(scene, "ends");
  await server.get("/silent");
  await server.get(`/open?${scene.directory}`);
  await server.stop();
  for (const name of ["text", "bytes"]) {
    assertEquals(Deno.readTextFileSync(`${scene.directory}/${name}`), "a line\n");
  }
  assert(!/CRITICAL/.test(server.output), server.output);
});

sceneTest("a pipe that nobody reads keeps no file from being written", async (scene) => {
  const server = await startWsgi(scene, "ends");
  await server.get(`/hang?${scene.directory}`);
  await server.stop();
  for (const name of ["before", "after"]) {
    assertEquals(Deno.readTextFileSync(`${scene.directory}/${name}`), "a line\n");
  }
});

const HAS_GEVENT = new Deno.Command(PYTHON, { args: ["-c", "import gevent"] }).outputSync().success;

if (HAS_GEVENT) {
  sceneTest("greenlets that nobody runs any more hold up no end", async (scene) => {
    const args = ["--graceful-timeout", "2"];
    const server = await startWsgi(scene, "greenlets", { threads: 2, args });
    await Promise.all([server.get("/both"), server.get("/both")]);
    await server.stop();
    assertMatch(server.output, /WARNING.*are cut: an endless one, an endless one/);
    assertStringIncludes(server.output, TOLD);
  });

  sceneTest("a greenlet is as old as itself, not as its thread", async (scene) => {
    const server = await startWsgi(scene, "greenlets", { args: ["--graceful-timeout", "0.1"] });
    await until("ten times that has passed", async () => Number(await server.get("/")) > 1.5);
    await server.get("/mail");
    await server.stop();
    assertStringIncludes(server.output, "the mail is delivered");
  });
}

sceneTest("what is in the buffers of open files is written at the end", async (scene) => {
  const server = await startWsgi(scene, "ends");
  await server.get(`/open?${scene.directory}`);
  await server.stop();
  const read = (name: string) => Deno.readTextFileSync(`${scene.directory}/${name}`);
  assertEquals([read("text"), read("bytes")], ["a line\n", "a line\n"]);
  const packed = new Blob([Deno.readFileSync(`${scene.directory}/packed.gz`)]).stream();
  const unpacked = packed.pipeThrough(new DecompressionStream("gzip"));
  assertEquals(await new Response(unpacked).text(), "a line\n");
  const names = [...Deno.readDirSync(scene.directory)].map(({ name }) => name);
  assertEquals(names.filter((name) => name.startsWith("temporary")), []);
  // One that cannot be written is told of, and keeps none of the others from it.
  assertMatch(server.output, /OSError: .*No space left on device/);
});
