import { assert, assertEquals } from "@std/assert";
import { HOOK_NAMES } from "../../../src/hooks/hooks.ts";
import { type Scene, sceneTest } from "../../support/scene.ts";
import { until } from "../../support/wait.ts";

/** Every hook writes its name and arguments, without the configuration, into a file. */
const RECORDER = `
const file = new URL("./calls", import.meta.url);
const plain = (it) => it?.config === undefined ? it : { pid: it.pid, workers: it.config.workers };
const record = (name) => (...args) =>
  Deno.writeTextFileSync(file, JSON.stringify([name, ...args.map(plain)]) + "\\n", { append: true });
${HOOK_NAMES.map((name) => `export const ${name} = record("${name}");`).join("\n")}
`;

type Call = [name: string, ...args: unknown[]];

function callsOf(scene: Scene): Call[] {
  try {
    const lines = Deno.readTextFileSync(`${scene.directory}/calls`).trim().split("\n");
    return lines.map((line) => JSON.parse(line));
  } catch {
    return [];
  }
}

const namesOf = (scene: Scene) => callsOf(scene).map(([name]) => name);

async function called(scene: Scene, name: string, times = 1): Promise<Call[]> {
  return await until(`${name} is called ${times} times`, () => {
    const calls = callsOf(scene).filter((call) => call[0] === name);
    return calls.length >= times ? calls : null;
  });
}

sceneTest("hooks run at their moments, in the processes that they belong to", async (scene) => {
  const hooks = scene.write("hooks.ts", RECORDER);
  const server = await scene.start({ workers: 1, args: ["--hooks", hooks] });
  const manager = { pid: server.pid, workers: 1 };
  const proc = { id: 1, pid: server.procs()[0]!.pid };
  await called(scene, "whenReady");
  assertEquals(callsOf(scene).slice(0, 5), [
    ["onStarting", manager],
    ["preSpawn", manager, { id: 1, pid: 0 }],
    ["postSpawn", proc],
    ["postWorkerInit", proc],
    ["whenReady", manager],
  ]);

  await server.get("/path?query");
  const [[, ...pre]] = await called(scene, "preRequest") as [Call];
  const [[, ...post]] = await called(scene, "postRequest") as [Call];
  const request = pre[1] as { url: string; method: string; id: number };
  assertEquals(pre[0], proc);
  assertEquals([request.method, new URL(request.url).search], ["GET", "?query"]);
  assertEquals((post[1] as { id: number }).id, request.id);
  assertEquals((post[2] as { status: number }).status, 200);

  server.signal("SIGTTIN");
  assertEquals((await called(scene, "workersChanged"))[0], ["workersChanged", manager, 2, 1]);
  await server.ready(2);

  Deno.kill(proc.pid, "SIGKILL");
  assertEquals((await called(scene, "childExit"))[0], [
    ...["childExit", manager, proc],
    { code: 137, signal: "SIGKILL", expected: false },
  ]);
  await server.ready(3);

  server.signal("SIGHUP");
  await called(scene, "onReload");
  await called(scene, "workerExit");
  await until("the reload is over", () => server.procs().length === 1);

  const [last] = server.procs();
  Deno.kill(last!.pid, "SIGINT");
  const interrupted = await called(scene, "workerInterrupted");
  assertEquals((interrupted[0]![1] as { pid: number }).pid, last!.pid);
  await until(
    "it is replaced",
    () => server.procs().length === 1 && server.procs()[0]?.pid !== last?.pid,
  );

  server.signal("SIGTERM");
  assertEquals((await server.end()).code, 0);
  assertEquals(namesOf(scene).at(-1), "onExit");
  assert(!/ERROR.*Hook/.test(server.output), server.output);
});

sceneTest("hooks of a proc that hangs, and of a new manager beside this one", async (scene) => {
  const hooks = scene.write("hooks.ts", RECORDER);
  const app = `export default {
  fetch(request) {
    if (request.url.endsWith("/spin")) for (;;);
    return new Response();
  },
};
`;
  const args = ["--hooks", hooks, "--timeout", "1", "--graceful-timeout", "1"];
  const server = await scene.start({ app, workers: 1, args: [...args, "-b", fixedPort()] });
  const proc = { id: 1, pid: server.procs()[0]!.pid };
  assertEquals((await server.fetch("/spin")).status, 504);
  assertEquals((await called(scene, "workerAborted"))[0], ["workerAborted", proc]);
  const [[, , gone, how]] = await called(scene, "childExit") as [Call];
  assertEquals(gone, proc);
  assertEquals((how as { expected: boolean }).expected, true);

  server.signal("SIGUSR2");
  const [[, manager]] = await called(scene, "preExec") as [Call];
  assertEquals(manager, { pid: server.pid, workers: 1 });
  await server.ready(3);
  const [, [, successor]] = await called(scene, "onStarting", 2) as [Call, Call];
  Deno.kill((successor as { pid: number }).pid, "SIGTERM");
  await server.says(/this one goes on/);
});

/** An address that two managers may bind: with port 0 each would take another one. */
function fixedPort(): string {
  using free = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return `127.0.0.1:${free.addr.port}`;
}

sceneTest("hooks of one process without a manager", async (scene) => {
  const hooks = scene.write("hooks.ts", RECORDER);
  const server = scene.launch({ workers: 0, args: ["--hooks", hooks] });
  await server.says(/Listening at/);
  await server.get();
  await called(scene, "postRequest");
  await server.stop();
  const names = namesOf(scene).filter((name) => name !== "whenReady");
  assertEquals(names, [
    ...["onStarting", "postSpawn", "postWorkerInit", "preRequest", "postRequest"],
    ...["workerExit", "onExit"],
  ]);
});

sceneTest(
  "hooks that throw or burn the CPU are told of, and cost nobody anything",
  async (scene) => {
    const hooks = scene.write(
      "hooks.ts",
      `export default {
  preRequest() { throw new Error("what a pity"); },
  whenReady: () => new Promise(() => {}),
  workersChanged() { for (;;); },
};\n`,
    );
    const server = await scene.start({ workers: 1, args: ["--hooks", hooks] });
    assert((await server.get()).startsWith("pid "));
    await server.says(/ERROR.*Hook preRequest failed: Error: what a pity/);
    server.signal("SIGTTIN");
    await server.ready(2);
    server.signal("SIGTTOU");
    await until("one has left", () => server.procs().length === 1);
    assert((await server.get()).startsWith("pid "));
  },
);

sceneTest("hooks that are waited for and hang hold nothing up for long", async (scene) => {
  const hooks = scene.write(
    "hooks.ts",
    "export function onStarting() { for (;;); }\nexport const postSpawn = () => new Promise(() => {});\n",
  );
  const server = await scene.start({ workers: 1, args: ["--hooks", hooks] });
  await server.says(/Hook onStarting has not ended after 5 s/);
  await server.says(/Hook postSpawn has not ended after 5 s/);
  assert((await server.get()).startsWith("pid "));
});

/** A hook that says when it begins, and never ends. */
const HANGS = `export function preExec() {
  console.log("preExec hangs");
  return new Promise(() => {});
}\n`;

sceneTest(
  "a hook that hangs at USR2 holds up no other signal, and no replacement",
  async (scene) => {
    const hooks = scene.write("hooks.ts", HANGS);
    const args = ["--hooks", hooks, "-b", fixedPort()];
    const server = await scene.start({ workers: 1, args });
    const [proc] = server.procs();
    server.signal("SIGUSR2");
    await server.says(/preExec hangs/);
    Deno.kill(proc!.pid, "SIGKILL");
    server.signal("SIGTTIN");
    server.signal("SIGUSR2");
    await server.says(/A new manager, pid \d+, starts/);
    const [meanwhile = ""] = server.output.split(/Hook preExec has not ended after 5 s/);
    for (const said of [/WARNING.* about to start already/, /Proc 3, pid \d+, starts/]) {
      assert(said.test(meanwhile), server.output);
    }
    assert(!/A new manager, pid/.test(meanwhile), server.output);
    const successor = Number(/A new manager, pid (\d+)/.exec(server.output)?.[1]);
    await server.ready(4);
    Deno.kill(successor, "SIGTERM");
    await server.says(/this one goes on/);
  },
);

sceneTest(
  "TERM while a hook hangs at USR2 stops the server, and no other starts",
  async (scene) => {
    const hooks = scene.write("hooks.ts", HANGS);
    const server = await scene.start({ workers: 1, args: ["--hooks", hooks] });
    server.signal("SIGUSR2");
    await server.says(/preExec hangs/);
    await server.stop();
    assert(!/A new manager|Hook preExec has not ended/.test(server.output), server.output);
  },
);

sceneTest("errors outside of any hook are told and end nothing", async (scene) => {
  const hooks = scene.write(
    "hooks.ts",
    `export function whenReady() {
  setTimeout(() => { throw new Error("thrown later"); }, 1);
  Promise.reject(new Error("rejected later"));
}\n`,
  );
  const server = await scene.start({ workers: 1, args: ["--hooks", hooks] });
  await server.says(/failed: Error: thrown later/);
  await server.says(/failed: Error: rejected later/);
  assertEquals(await server.get(), `pid ${server.procs()[0]!.pid}`);
});

sceneTest("a second INT does not wait for an onExit that hangs", async (scene) => {
  const hooks = scene.write(
    "hooks.ts",
    `export function onExit() {
  console.log("onExit hangs");
  return new Promise(() => { setInterval(() => {}, 1000); });
}\n`,
  );
  const server = await scene.start({ workers: 1, args: ["--hooks", hooks] });
  server.signal("SIGINT");
  await server.says(/onExit hangs/);
  server.signal("SIGINT");
  assertEquals((await server.end()).code, 0);
  assert(!/has not ended/.test(server.output), server.output);
});
