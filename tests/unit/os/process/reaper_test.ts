import { assertEquals } from "@std/assert";
import { libcUnavailable } from "../../../../src/os/libc.ts";
import { runDeno } from "../run_deno.ts";

const ignore = libcUnavailable() !== null;
const REAPER = JSON.stringify(
  new URL("../../../../src/os/process/reaper.ts", import.meta.url).href,
);
const LIBC = JSON.stringify(new URL("../../../../src/os/libc.ts", import.meta.url).href);

/** Adopts orphans as process 1 does (PR_SET_CHILD_SUBREAPER), then makes some. */
const SUBREAPER = `
  import { Reaper } from ${REAPER};
  import { libc } from ${LIBC};
  libc().prctl(36, 1n, 0n, 0n, 0n);
  const zombies = () => {
    const found = [];
    for (const { name } of Deno.readDirSync("/proc")) {
      if (!/^\\d+$/.test(name)) continue;
      try {
        const stat = Deno.readTextFileSync("/proc/" + name + "/stat");
        const [state, parent] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
        if (state === "Z" && Number(parent) === Deno.pid) found.push(Number(name));
      } catch { /* gone */ }
    }
    return found;
  };
  const orphan = async (count) => {
    const lines = Array(count).fill("(true &)").join("; ");
    await new Deno.Command("sh", { args: ["-c", lines] }).output();
    while (zombies().length < count) await new Promise((next) => setTimeout(next, 5));
  };
`;

Deno.test("orphans are reaped at the second sweep that sees them", { ignore }, async () => {
  const { code, out } = await runDeno(`${SUBREAPER}
    await orphan(3);
    const reaper = new Reaper(() => false);
    console.log(reaper.sweep().length, zombies().length);
    console.log(reaper.sweep().length, zombies().length);
    console.log(reaper.sweep().length);
  `);
  assertEquals(code, 0, out);
  assertEquals(out, "0 3\n3 0\n0\n");
});

Deno.test("the status of Deno.Command's children is never stolen", { ignore }, async () => {
  const { code, out } = await runDeno(`${SUBREAPER}
    await orphan(1);
    const children = Array.from({ length: 8 }, () =>
      new Deno.Command("sh", { args: ["-c", "exit 7"] }).spawn());
    const ours = new Set(children.map((child) => child.pid));
    const reaper = new Reaper((pid) => ours.has(pid));
    // All nine are zombies now, and the event loop, which would reap the eight, has not turned.
    while (zombies().length < 9);
    reaper.sweep();
    console.log(reaper.sweep().length, zombies().length);
    const codes = await Promise.all(children.map(async (child) => (await child.status).code));
    console.log(codes.join(""));
  `);
  assertEquals(code, 0, out);
  assertEquals(out, "1 8\n77777777\n");
});
