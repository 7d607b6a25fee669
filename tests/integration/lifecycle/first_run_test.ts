/** What the very first start downloads, of which a new user waits for every byte. */

import { assert, assertEquals } from "@std/assert";
import { sceneTest } from "../../support/scene.ts";

/** What src/ imports. The lock holds much more: what examples, tests and the benchmark import. */
const PACKAGES_OF_THE_SERVER = /^(?:deno-std|@logtape)$/;

sceneTest("the first start needs no package but the server's own", async (scene) => {
  const cache = `${scene.directory}/cache`;
  const kept = copyPackages(await npmCache(), `${cache}/npm`);
  assertEquals(kept.sort(), ["@logtape", "deno-std"]);
  const server = await scene.start({
    workers: 1,
    env: { DENO_DIR: cache },
    denoFlags: ["--cached-only"],
  });
  assert((await server.get()).startsWith("pid "));
});

/** Where Deno keeps packages here; a folder for each registry is in it. */
async function npmCache(): Promise<string> {
  const { stdout } = await new Deno.Command(Deno.execPath(), { args: ["info", "--json"] }).output();
  return JSON.parse(new TextDecoder().decode(stdout)).npmCache;
}

/** Copies the packages that the server may need, and returns their names. */
function copyPackages(from: string, to: string): string[] {
  const names = new Set<string>();
  for (const registry of Deno.readDirSync(from)) {
    if (!registry.isDirectory) continue;
    for (const { name } of Deno.readDirSync(`${from}/${registry.name}`)) {
      if (!PACKAGES_OF_THE_SERVER.test(name)) continue;
      names.add(name);
      Deno.mkdirSync(`${to}/${registry.name}`, { recursive: true });
      const args = ["-r", `${from}/${registry.name}/${name}`, `${to}/${registry.name}/`];
      const { success } = new Deno.Command("cp", { args }).outputSync();
      assert(success, `cannot copy ${name}`);
    }
  }
  return [...names];
}
