/** One version of Deno: the README's commands pin it, .ci/run reads it there, and all else agrees. */

import { assertEquals } from "@std/assert";

const ROOT = new URL("../../", import.meta.url);

/** Every file of ours that may name a version of Deno: `deno@X.Y.Z`, or an image `denoland/deno:X.Y.Z`. */
async function textFiles(folder: URL): Promise<URL[]> {
  const files: URL[] = [];
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    if ([".git", "node_modules", "coverage"].includes(name)) continue;
    if (isDirectory) files.push(...await textFiles(new URL(`${name}/`, folder)));
    // The changelog tells the past.
    else if (name !== "CHANGELOG.md" && name !== "deno.lock") files.push(new URL(name, folder));
  }
  return files;
}

function denoVersions(text: string): string[] {
  return [...text.matchAll(/\bdeno[@:](?:alpine-|debian-)?v?(\d+\.\d+\.\d+)/g)].map((match) =>
    match[1]!
  );
}

Deno.test("every file that pins Deno pins the version of the README's test command", async () => {
  const readme = await Deno.readTextFile(new URL("README.md", ROOT));
  const pinned = readme.match(/npx -y deno@(\d+\.\d+\.\d+) task test/)?.[1];
  const others: string[] = [];
  for (const file of await textFiles(ROOT)) {
    for (const version of denoVersions(await Deno.readTextFile(file))) {
      if (version !== pinned) {
        others.push(`${file.pathname.slice(ROOT.pathname.length)}: ${version}`);
      }
    }
  }
  assertEquals(others, []);
});

Deno.test("a version is found in an npx command and in an image's tag", () => {
  assertEquals(denoVersions(["npx -y deno", "1.2.3 run"].join("@")), ["1.2.3"]);
  assertEquals(denoVersions(["FROM denoland/deno", "debian-4.5.6"].join(":")), ["4.5.6"]);
});
