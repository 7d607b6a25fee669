import { assert, assertEquals } from "@std/assert";
import { Load } from "../../support/load.ts";
import { HELLO, sceneTest } from "../../support/scene.ts";
import { until } from "../../support/wait.ts";

sceneTest("procs are recycled one at a time, and no request is lost", async (scene) => {
  const args = ["--max-requests", "200", "--max-requests-jitter", "50"];
  const server = await scene.start({ app: HELLO, workers: 2, args });
  const load = new Load({ port: server.port, clients: { fresh: 4, kept: 4, post: 4 } });
  let most = 0;
  await until("eight procs have been replaced", () => {
    most = Math.max(most, server.procs().length);
    return [...server.output.matchAll(/is to be replaced: .*max_requests/g)].length >= 8;
  }, 60_000);
  const { failures, answers } = await load.stop();
  assertEquals(failures, []);
  assert(answers.size >= 8, `${answers.size} procs have answered`);
  // The two, the one that is to replace the next, and the last one on its way out.
  assert(most <= 4, `${most} procs at a time`);
});

sceneTest("a proc is replaced when its lifetime is over", async (scene) => {
  const server = await scene.start({ workers: 1, args: ["--max-lifetime", "2"] });
  const [first] = server.procs();
  await server.says(/is to be replaced: .*max_lifetime/);
  await server.ready(2);
  await until("the old one is gone", () => server.procs().every(({ pid }) => pid !== first!.pid));
});

sceneTest("a proc is replaced when its memory stays too large", async (scene) => {
  const app = `const kept = [];
export default {
  fetch() {
    for (let i = 0; i < 100; i++) kept.push(new Uint8Array(1024 * 1024).fill(i));
    return new Response("kept");
  },
};\n`;
  const server = await scene.start({ app, workers: 1, args: ["--max-rss", "200M"] });
  await server.get();
  await server.get();
  await server.says(/is to be replaced: .*max_rss/);
  await server.ready(2);
});

for (
  const [limit, told] of [
    // Less than any proc has.
    [
      "--max-rss=10M",
      /WARNING.*never been within max_rss \(10485760\).*raise max_rss.*there is a pause/,
    ],
    ["--max-lifetime=0.1", /WARNING.*it has served for 0\.\d s \(max_lifetime\).*there is a pause/],
  ] as const
) {
  sceneTest(`${limit}: a limit that no proc can keep is told, and ends nothing`, async (scene) => {
    const server = await scene.start({ workers: 1, args: [limit, "--crash-limit", "1"] });
    await server.says(told, 3);
    await server.ready(3);
    assert((await server.get()).startsWith("pid "));
  });
}
