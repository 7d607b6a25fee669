/** What docs/troubleshooting.md quotes of the log is what the program says. */

import { assert, assertEquals } from "@std/assert";

const ROOT = new URL("../../", import.meta.url);

/** The records in the first column of the table under "The log says". */
function quotesOf(page: string): string[] {
  const table = /^## The log says$(.*?)^## /ms.exec(page)?.[1] ?? "";
  const cells = [...table.matchAll(/^\| (`.*?) \|/gm)].map((match) => match[1]!);
  return cells.flatMap((cell) => [...cell.matchAll(/`([^`]+)`/g)].map((match) => match[1]!));
}

/** The pieces of a record that stand in the source as they are, but for numbers and signals. */
function piecesOf(quote: string): RegExp[] {
  return quote.split(/…|: /).map((piece) => piece.trim()).filter((piece) => /[a-z]{2}/.test(piece))
    .map((piece) =>
      new RegExp(
        piece.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")
          .replace(/^GET \/path /, "")
          .replace(/SIG[A-Z]+|\d+(?:\\\.\d+)?/g, "(?:$&|\\$\\{[^`]*?\\}|%[sd])"),
      )
    );
}

async function sourceText(folder: URL): Promise<string> {
  let text = "";
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    if (isDirectory) text += await sourceText(new URL(`${name}/`, folder));
    else text += await Deno.readTextFile(new URL(name, folder));
  }
  return text;
}

Deno.test("every record that the page on trouble quotes is one that the program writes", async () => {
  const quotes = quotesOf(await Deno.readTextFile(new URL("docs/troubleshooting.md", ROOT)));
  assert(quotes.length > 20, `Only ${quotes.length} records were found`);
  const source = await sourceText(new URL("src/", ROOT));
  const unknown = quotes.filter((quote) => !piecesOf(quote).every((piece) => piece.test(source)));
  assertEquals(unknown, []);
});

Deno.test("a record is found with what stands for its numbers, and not with other words", () => {
  const [hangs] = piecesOf("Thread 1 hangs: …");
  assert(hangs?.test("`Thread ${thread.id} hangs: no sign of life`"));
  assert(!hangs?.test("`Thread ${thread.id} sleeps`"));
});
