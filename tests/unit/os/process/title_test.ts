import { assertEquals } from "@std/assert";
import { libcUnavailable } from "../../../../src/os/libc.ts";
import { runDeno } from "../run_deno.ts";

const TITLE = JSON.stringify(new URL("../../../../src/os/process/title.ts", import.meta.url).href);

Deno.test("ps shows the title, cut to the room that the arguments had", {
  ignore: libcUnavailable() !== null,
}, async () => {
  const { code, out } = await runDeno(`
    import { setProcessTitle } from ${TITLE};
    const shown = () => Deno.readTextFileSync("/proc/self/cmdline").replace(/\\0+$/, "");
    const room = Deno.readTextFileSync("/proc/self/cmdline").length;
    console.log(setProcessTitle("denicorn: proc 1 [app.ts]"), shown());
    setProcessTitle("x".repeat(100_000));
    console.log(shown() === "x".repeat(room - 1));
    console.log(Deno.env.get("HOME") !== undefined, Deno.execPath().length > 0);
  `);
  assertEquals(code, 0, out);
  assertEquals(out, "true denicorn: proc 1 [app.ts]\ntrue\ntrue true\n");
});
