/** Links between the pages of the repository lead somewhere, and the files that are named are there. */

import { assert, assertEquals } from "@std/assert";

const ROOT = new URL("../../", import.meta.url);

async function filesIn(folder: URL, ending: RegExp): Promise<URL[]> {
  const found: URL[] = [];
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    if ([".git", "node_modules", "coverage"].includes(name)) continue;
    if (isDirectory) found.push(...await filesIn(new URL(`${name}/`, folder), ending));
    else if (ending.test(name)) found.push(new URL(name, folder));
  }
  return found;
}

/** Targets of `[text](target)`, without those in code and those that lead out of the repository. */
function linksOf(text: string): string[] {
  const prose = text.replace(/^```.*?^```/gms, "").replace(/`[^`\n]*`/g, "");
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g)].map((match) => match[1]!)
    .filter((target) => !/^[a-z]+:/.test(target));
}

/** The anchors that GitHub gives to headings. */
function anchorsOf(text: string): Set<string> {
  const headings = [...text.matchAll(/^#+ (.*)$/gm)].map((match) => match[1]!);
  return new Set(
    headings.map((heading) =>
      heading.toLowerCase().replace(/[^\p{L}\p{N} _-]/gu, "").replaceAll(" ", "-")
    ),
  );
}

/** Files that are named with a folder, in code of a page or in a comment of ours: `proc/main.ts`. */
function namedIn(text: string, isPage: boolean): string[] {
  const spans = isPage ? /`[^`\n]+`/g : /^ *(?:\/\/|\/?\*).*$/gm;
  const path = /(?<![\w./-])(?:[a-z_0-9]+\/)+[a-z_0-9]+\.ts\b/g;
  return [...text.matchAll(spans)].flatMap(([span]) => span.match(path) ?? []);
}

async function leadsNowhere(page: URL, target: string): Promise<boolean> {
  const url = new URL(target, page);
  const anchor = decodeURIComponent(url.hash.slice(1));
  url.hash = "";
  try {
    if ((await Deno.stat(url)).isDirectory) return anchor !== "";
    return anchor !== "" && !anchorsOf(await Deno.readTextFile(url)).has(anchor);
  } catch {
    return true;
  }
}

Deno.test("every link from a page to a file or a heading of the repository leads there", async () => {
  const dead: string[] = [];
  let count = 0;
  for (const page of await filesIn(ROOT, /\.md$/)) {
    for (const target of linksOf(await Deno.readTextFile(page))) {
      count++;
      const from = page.pathname.slice(ROOT.pathname.length);
      if (await leadsNowhere(page, target)) dead.push(`${from}: ${target}`);
    }
  }
  assert(count > 10, `Only ${count} links were found`);
  assertEquals(dead, []);
});

Deno.test("links in code are none, and headings become anchors as on GitHub", () => {
  assertEquals(linksOf("[a](./b.md) `[c](d)` [e](https://f)\n```\n[g](h)\n```\n"), ["./b.md"]);
  assertEquals([...anchorsOf("# USR1, and why\n## `bind`\n")], ["usr1-and-why", "bind"]);
});

Deno.test("every file of ours that a page or a comment names is there", async () => {
  const files = await filesIn(ROOT, /\.(?:ts|py|md)$/);
  const gone: string[] = [];
  let count = 0;
  for (const file of files.filter(({ pathname }) => !pathname.endsWith("CHANGELOG.md"))) {
    const isPage = file.pathname.endsWith(".md");
    for (const named of namedIn(await Deno.readTextFile(file), isPage)) {
      count++;
      const isThere = files.some(({ pathname }) => pathname.endsWith(`/${named}`));
      if (!isThere) gone.push(`${file.pathname.slice(ROOT.pathname.length)}: ${named}`);
    }
  }
  assert(count > 50, `Only ${count} files are named`);
  assertEquals(gone, []);
});

Deno.test("a file is named with its folder, in a comment or in code", () => {
  const comments = "// See proc/main.ts.\n/** a/b/c.ts */\nimport './x/y.ts';\n * main.ts\n";
  assertEquals(namedIn(comments, false), ["proc/main.ts", "a/b/c.ts"]);
  assertEquals(namedIn("`os/libc.ts` and app/x.ts, `https://a/b.ts`", true), ["os/libc.ts"]);
});
