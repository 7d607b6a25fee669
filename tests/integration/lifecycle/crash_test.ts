import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { Load } from "../../support/load.ts";
import { sceneTest } from "../../support/scene.ts";
import { until } from "../../support/wait.ts";

sceneTest("a killed proc is replaced, and the other one serves meanwhile", async (scene) => {
  const server = await scene.start({ workers: 2 });
  const [victim, other] = server.procs();
  Deno.kill(victim!.pid, "SIGKILL");
  await server.ready(3);
  assert(server.output.includes(`pid ${victim!.pid}, was killed by SIGKILL`), server.output);
  const pids = server.procs().map(({ pid }) => pid);
  assertEquals(pids.length, 2);
  assert(pids.includes(other!.pid));
  assert(!pids.includes(victim!.pid));
});

sceneTest("an app that ends its process is served again by a new one", async (scene) => {
  const app = `export default {
  fetch(request) {
    if (new URL(request.url).pathname === "/die") Deno.kill(Deno.pid, "SIGABRT");
    return new Response("pid " + Deno.pid);
  },
};\n`;
  const server = await scene.start({ app, workers: 1 });
  const before = await server.get();
  await server.fetch("/die").then((it) => it.body?.cancel(), () => {});
  await server.ready(2);
  assert(/was killed by SIGABRT \(native code gave up/.test(server.output), server.output);
  assertNotEquals(await server.get(), before);
});

sceneTest(
  "an error whose message has megabytes costs its own request alone, and no proc",
  async (scene) => {
    const app = `const { promise, resolve } = Promise.withResolvers<void>();
export default { async fetch(request: Request) {
  if (request.method === "POST") return new Response(new URL(await request.text()).host);
  if (new URL(request.url).pathname === "/go") resolve();
  else await promise;
  return new Response("pid " + Deno.pid);
} };\n`;
    const server = await scene.start({ app, workers: 1 });
    const waiting = server.get("/wait");
    // Six characters for one, as a record crosses to the manager.
    const body = "\x01".repeat(5_000_000);
    const failed = await server.fetch("/", { method: "POST", body });
    assertEquals([failed.status, await failed.text()], [500, "Internal Server Error\n"]);
    const pid = await server.get("/go");
    assertEquals(await waiting, pid);
    await server.says(/POST \/ failed: TypeError: Invalid URL: [^]* characters more …\n/);
    assert(!server.output.includes("nonsense"));
  },
);

sceneTest("procs that crash again and again: growing pauses, then exit code 3", async (scene) => {
  // It serves for a moment, so that this is no failure to boot, and then dies.
  const app = `setTimeout(() => Deno.kill(Deno.pid, "SIGKILL"), 50);
export default { fetch: () => new Response("alive") };\n`;
  const server = scene.launch({ app, workers: 1, args: ["--crash-limit", "4"] });
  assertEquals((await server.end()).code, 3);
  assertEquals(server.output.match(/starts/g)?.length, 5, server.output);
  const gaveUp = /Procs crashed more than 4 times \(crash_limit\) within 60 s/;
  assert(gaveUp.test(server.output), server.output);
  assert(/The last crash: .*SIGKILL/.test(server.output), server.output);
});

sceneTest(
  "procs that crash in succession, each after longer than crash_window: exit code 3",
  async (scene) => {
    const app = `setTimeout(() => Deno.kill(Deno.pid, "SIGKILL"), 1_500);
export default { fetch: () => new Response("alive") };\n`;
    const args = ["--crash-limit", "2", "--crash-window", "1"];
    const server = scene.launch({ app, workers: 2, args });
    assertEquals((await server.end()).code, 3);
    await server.says(/crashed more than 2 times \(crash_limit\) in succession, each before/);
  },
);

sceneTest(
  "an app that ends its thread again and again: growing pauses, then exit code 3",
  async (scene) => {
    const app = `setTimeout(() => Deno.exit(7), 300);
export default { fetch: () => new Response("alive") };\n`;
    const args = ["-t", "1", "--crash-limit", "3"];
    const server = scene.launch({ app, workers: 1, args });
    assertEquals((await server.end()).code, 3);
    assertEquals(server.output.match(/, starts/g)?.length, 4, server.output);
    await server.says(
      /WARNING.*is to be replaced: the app called Deno.exit\(7\).*there is a pause/,
    );
    await server.says(
      /crashed more than 3 times \(crash_limit\)[^]*The last crash: .*Deno.exit\(7\)/,
    );
  },
);

sceneTest("one blow that kills more procs than crash_limit ends no server", async (scene) => {
  const server = await scene.start({ workers: 3, args: ["--crash-limit", "1"] });
  await server.says(/Ready: /);
  for (const { pid } of server.procs()) Deno.kill(pid, "SIGKILL");
  await server.ready(6);
  assert((await server.get()).startsWith("pid "));
});

sceneTest("a stopped proc is found by its silence, killed and replaced", async (scene) => {
  const server = await scene.start({ workers: 2, args: ["--heartbeat-timeout", "2"] });
  const [victim] = server.procs();
  Deno.kill(victim!.pid, "SIGSTOP");
  await server.says(/no sign of life for heartbeat_timeout \(2 s\)/);
  await server.ready(3);
  assert(!server.procs().some(({ pid }) => pid === victim!.pid));
});

sceneTest("a manager that was stopped for long blames no proc for it", async (scene) => {
  const server = await scene.start({ workers: 2, args: ["--heartbeat-timeout", "2"] });
  const before = server.procs().map(({ pid }) => pid);
  server.signal("SIGSTOP");
  await new Promise((resolve) => setTimeout(resolve, 4_000)); // longer than the timeout, by its nature
  server.signal("SIGCONT");
  server.signal("SIGTTIN"); // answered only after all that had piled up
  await server.ready(3);
  assertEquals(server.procs().map(({ pid }) => pid).slice(0, 2), before);
});

sceneTest("a proc that somebody sends TERM finishes and is replaced", async (scene) => {
  const server = await scene.start({ workers: 1 });
  const [victim] = server.procs();
  Deno.kill(victim!.pid, "SIGTERM");
  await server.ready(2);
  await until("the old one is gone", () => server.procs().every(({ pid }) => pid !== victim!.pid));
  assert(!/ERROR/.test(server.output), server.output);
});

sceneTest("signals meant for the manager do not end a proc", async (scene) => {
  const server = await scene.start({ workers: 1 });
  const [proc] = server.procs();
  for (const signal of ["SIGHUP", "SIGUSR2", "SIGTTIN", "SIGTTOU", "SIGWINCH"] as const) {
    Deno.kill(proc!.pid, signal);
  }
  assertEquals(await server.get(), `pid ${proc!.pid}`);
});

sceneTest("a killed proc under load takes no more with it than it had in flight", async (scene) => {
  const server = await scene.start({ workers: 2 });
  const clients = { fresh: 6, kept: 6, post: 6 };
  const load = new Load({ port: server.port, clients });
  await until("the load runs", () => load.requests > 1_000);
  for (let kill = 1; kill <= 5; kill++) {
    const before = load.failures.length;
    const [victim] = server.procs();
    Deno.kill(victim!.pid, "SIGKILL");
    await server.ready(2 + kill);
    // A process takes some milliseconds to die, in which the kernel goes on giving it connections:
    // every client may lose the one request that it has under way, and no client another one.
    const lost = load.failures.length - before;
    assert(
      lost <= 18,
      `${lost} requests were lost with one proc: ${JSON.stringify(load.failures.slice(before))}`,
    );
    const requests = load.requests;
    await until("the load runs on", () => load.requests > requests + 500);
  }
  const { requests, failures, seconds } = await load.stop();
  console.log(`${requests} requests in ${seconds} s, ${failures.length} lost with 5 killed procs`);
});
