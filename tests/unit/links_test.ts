/** Links between the pages of the repository lead somewhere. */

import { assert, assertEquals } from "@std/assert";

const ROOT = new URL("../../", import.meta.url);

async function pages(folder: URL): Promise<URL[]> {
  const found: URL[] = [];
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    if ([".git", "node_modules", "coverage"].includes(name)) continue;
    if (isDirectory) found.push(...await pages(new URL(`${name}/`, folder)));
    else if (name.endsWith(".md")) found.push(new URL(name, folder));
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
  for (const page of await pages(ROOT)) {
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
