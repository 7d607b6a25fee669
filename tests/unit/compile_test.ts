/**
 * That a compiled binary has all files in it. `deno compile` finds what is imported; what is started as
 * a worker has to be named to it, and docs/deployment.md tells with which command.
 */

import { assertEquals } from "@std/assert";

const ROOT = new URL("../../", import.meta.url);

/** Files of src/ that are no part of the program: they make the documentation. */
const TOOLS = ["src/config/texts/docs.ts"];

Deno.test("the documented deno compile command takes every file of src/ into the binary", async () => {
  const command = await compileCommand();
  const main = command.at(-1)!;
  const included = command.filter((_, i) => command[i - 1] === "--include");
  const reached = new Set<string>();
  for (const entry of [main, ...included]) {
    for (const file of await modulesOf(entry)) reached.add(file);
  }
  const missing = [...await filesIn("src")].filter((file) => !reached.has(file));
  assertEquals(missing.sort(), TOOLS);
  const needless = [];
  for (const entry of included) {
    if ((await modulesOf(main)).has(entry)) needless.push(entry);
  }
  assertEquals(needless, []);
});

/** The words of the command in docs/deployment.md. */
async function compileCommand(): Promise<string[]> {
  const page = await Deno.readTextFile(new URL("docs/deployment.md", ROOT));
  const command = /^deno compile (?:.*\\\n)*.*$/m.exec(page)?.[0] ?? "";
  return command.replaceAll("\\\n", " ").trim().split(/\s+/);
}

/** The local files that a module is made of, dynamic imports too, as Deno finds them. */
async function modulesOf(entry: string): Promise<ReadonlySet<string>> {
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", entry],
    cwd: ROOT,
  }).output();
  const { modules } = JSON.parse(new TextDecoder().decode(stdout)) as {
    modules: { specifier: string }[];
  };
  const own = modules.filter(({ specifier }) => specifier.startsWith(ROOT.href));
  return new Set(own.map(({ specifier }) => specifier.slice(ROOT.href.length)));
}

async function filesIn(folder: string): Promise<string[]> {
  const files: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(new URL(folder, ROOT))) {
    if (name === "__pycache__") continue;
    if (isDirectory) files.push(...await filesIn(`${folder}/${name}`));
    else files.push(`${folder}/${name}`);
  }
  return files;
}
