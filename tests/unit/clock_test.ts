import { assertEquals } from "@std/assert";

const SRC = new URL("../../src/", import.meta.url);

/** Where the time of day is told to people, and nothing is counted by it. */
const TELLS_THE_TIME = ["log/record.ts", "proc/exchange/access_record.ts"];

function* sources(folder: URL): Generator<URL> {
  for (const { name, isDirectory } of Deno.readDirSync(folder)) {
    if (isDirectory) yield* sources(new URL(`${name}/`, folder));
    else if (name.endsWith(".ts")) yield new URL(name, folder);
  }
}

Deno.test("no deadline is counted by the clock that people and NTP set", () => {
  const found = [...sources(SRC)]
    .filter((file) => /\bDate\.now\(|\bnew Date\(\)/.test(Deno.readTextFileSync(file)))
    .map(({ href }) => href.slice(SRC.href.length));
  assertEquals(found.sort(), TELLS_THE_TIME);
});
