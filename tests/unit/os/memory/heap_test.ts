import { assert, assertEquals } from "@std/assert";
import { libcUnavailable } from "../../../../src/os/libc.ts";
import { runDeno } from "../run_deno.ts";

const HEAP = new URL("../../../../src/os/memory/heap.ts", import.meta.url).href;
const LIBC = new URL("../../../../src/os/libc.ts", import.meta.url).href;

/** Other C libraries have thresholds of their own. */
const ignore = libcUnavailable() !== null ||
  (Deno.build.target.includes("linux") && !Deno.build.target.includes("gnu"));

/** Page faults of a process that takes, uses and frees 2 MiB again and again. */
async function faults(prepare: string): Promise<number> {
  const { code, out } = await runDeno(`
    const { libc } = await import(${JSON.stringify(LIBC)});
    const { keepFreedMemory } = await import(${JSON.stringify(HEAP)});
    ${prepare}
    const faults = () =>
      Number(Deno.readTextFileSync("/proc/self/stat").split(") ")[1].split(" ")[7]);
    const page = new Uint8Array(100_000);
    const from = BigInt(Deno.UnsafePointer.value(Deno.UnsafePointer.of(page)));
    const turn = () => {
      const pieces = Array.from({ length: 20 }, () => libc().malloc(BigInt(page.length)));
      for (const piece of pieces) libc().memcpy(piece, from, BigInt(page.length));
      for (const piece of pieces.reverse()) libc().free(piece);
    };
    turn();
    const before = faults();
    for (let i = 0; i < 100; i++) turn();
    console.log(faults() - before);
  `);
  assertEquals(code, 0, out);
  return Number(out);
}

Deno.test(
  "memory that is freed is not taken from the kernel anew each time",
  { ignore },
  async () => {
    const [plain, kept] = [await faults(""), await faults("keepFreedMemory();")];
    assert(kept * 10 < plain, `${kept} faults, ${plain} without it`);
  },
);
