import { assertEquals } from "@std/assert";
import { inheritedFlags } from "../../../src/manager/deno_flags.ts";

Deno.test("what decides how an app runs is inherited, permissions and the rest are not", () => {
  const args = ["run", "-A", "--unstable-kv", "--no-check", "--v8-flags=--max-old-space-size=100"];
  assertEquals(inheritedFlags([...args, "mod.ts", "--unstable-cron", "app.ts"]), [
    "--unstable-kv",
    "--v8-flags=--max-old-space-size=100",
  ]);
});

Deno.test("a value in the next argument belongs to its flag", () => {
  assertEquals(inheritedFlags(["run", "--cert", "ca.pem", "-A", "mod.ts", "app.ts"]), [
    "--cert",
    "ca.pem",
  ]);
});

Deno.test("without flags, and without run, there is nothing to inherit", () => {
  assertEquals(inheritedFlags(["run", "mod.ts", "--cert", "x"]), []);
  assertEquals(inheritedFlags([]), []);
});
