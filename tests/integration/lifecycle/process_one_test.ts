import { assert, assertEquals } from "@std/assert";
import { fetchOnce } from "../../support/running.ts";
import { HELLO, sceneTest } from "../../support/scene.ts";
import { until } from "../../support/wait.ts";
import { exists } from "../../support/files.ts";

const isRoot = Deno.uid() === 0;

/** Whether this machine lets us have a process 1 of our own. */
async function canUnshare(): Promise<boolean> {
  if (!isRoot) return false;
  try {
    const args = ["--pid", "--mount", "--fork", "mount", "-t", "proc", "proc", "/proc"];
    return (await new Deno.Command("unshare", { args, stderr: "null" }).output()).success;
  } catch {
    return false;
  }
}

if (await canUnshare()) {
  sceneTest("as process 1 it reaps the zombies of others", async (scene) => {
    const app = scene.write("app.ts", HELLO);
    const mod = new URL("../../../mod.ts", import.meta.url).pathname;
    // The orphans' parents end at once, so that the orphans are process 1's, which is to be ours.
    const script = `mount -t proc proc /proc
for i in 1 2 3; do (sh -c 'sleep 0.5; echo died >> ${scene.directory}/deaths' &); done
exec ${Deno.execPath()} run -A ${mod} -w 1 -b 127.0.0.1:0 ${app}`;
    const child = new Deno.Command("unshare", {
      args: ["--pid", "--mount", "--fork", "--kill-child", "sh", "-c", script],
      stdout: "null",
      stderr: "piped",
    }).spawn();
    let said = "";
    const reading = (async () => {
      for await (const text of child.stderr.pipeThrough(new TextDecoderStream())) said += text;
    })();
    try {
      await until("it is ready", () => said.includes("is ready"));
      assert(said.includes("process id 1\n"), said);
      const first = childrenOf(child.pid)[0]!;
      const deaths = `${scene.directory}/deaths`;
      await until(
        "the orphans have died",
        () => exists(deaths) && Deno.readTextFileSync(deaths).split("died").length === 4,
      );
      await until("only the proc is left", () => childrenOf(first).length === 1);
      const url = /Listening at (\S+)/.exec(said)![1]!;
      assertEquals(await fetchOnce(url).then((it) => it.status), 200);
    } finally {
      child.kill("SIGKILL");
      await child.status;
      await reading;
    }
  });
}

/** Children of a process, zombies among them. */
function childrenOf(parent: number): number[] {
  const children = Deno.readTextFileSync(`/proc/${parent}/task/${parent}/children`);
  return children.trim().split(" ").filter((pid) => pid !== "").map(Number);
}
