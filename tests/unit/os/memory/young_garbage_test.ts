import { assertEquals } from "@std/assert";
import { runDeno } from "../run_deno.ts";

const GARBAGE = new URL("../../../../src/os/memory/young_garbage.ts", import.meta.url).href;

/** What a process prints that counts how often the collector is called. */
async function counts(code: string): Promise<unknown> {
  const { out } = await runDeno(`
    let collected = 0;
    const { COLLECT, bodyCame } = await import(${JSON.stringify(GARBAGE)});
    globalThis[COLLECT] = ({ type }) => collected += type === "minor" ? 1 : NaN;
    const garbage = await import(${JSON.stringify(`${GARBAGE}?anew`)});
    // Behind what was left for the end of this turn. A timer may come before it, on a busy machine.
    const turn = () => new Promise((resolve) => setImmediate(resolve));
    const seen = [];
    const see = () => seen.push(collected);
    ${code}
    console.log(JSON.stringify(seen));
  `);
  return JSON.parse(out);
}

Deno.test("what whole bodies leave is collected once for a batch, when that is passed on", async () => {
  const seen = await counts(`
    for (let i = 0; i < 1000; i++) garbage.bodyCame(10_240);
    see();
    await turn();
    see();
    await turn();
    for (let i = 0; i < 400; i++) garbage.bodyCame(10_240);
    await turn();
    see();
    for (let i = 0; i < 10; i++) garbage.bodyCame(10_240);
    await turn();
    see();
  `);
  assertEquals(seen, [0, 1, 1, 2]);
});

Deno.test("a process without the collector serves bodies all the same", async () => {
  const seen = await counts(`
    for (let i = 0; i < 1000; i++) bodyCame(10_240);
    await turn();
    see();
  `);
  assertEquals(seen, [0]);
});
