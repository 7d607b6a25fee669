import { assertEquals, assertMatch } from "@std/assert";
import { Program, unusedPort } from "./program.ts";

async function tried(...args: string[]): Promise<Record<string, string>> {
  await using program = await Program.start("needy.ts", "-w", "1", ...args);
  return await (await fetch(program.url("/"))).json();
}

Deno.test("without app_permissions the app may what the server may", async () => {
  const { greeting, ...results } = await tried();
  assertEquals(greeting, "imported");
  assertEquals(new Set(Object.values(results)), new Set(["granted"]));
});

Deno.test("with app_permissions the app may what is named, and nothing else", async () => {
  const none = await tried("--app-permissions", "{}");
  assertEquals(none, {
    greeting: "imported",
    net: "refused",
    read: "refused",
    write: "refused",
    env: "refused",
    run: "refused",
    ffi: "refused",
    sys: "refused",
  });
  const some = await tried(
    "--app-permissions",
    JSON.stringify({ net: ["127.0.0.1"], read: ["/etc"], env: ["HOME"], ffi: true, sys: false }),
  );
  assertEquals(some, {
    greeting: "imported",
    net: "granted",
    read: "granted",
    write: "refused",
    env: "granted",
    run: "refused",
    ffi: "granted",
    sys: "refused",
  });
});

Deno.test("a framework from npm runs with no permission but to read the environment", async () => {
  const permissions = JSON.stringify({ env: true });
  await using program = await Program.start(
    "express4.js",
    "-w",
    "1",
    "--app-permissions",
    permissions,
  );
  assertEquals(await (await fetch(program.url("/"))).text(), "Hello from Express 4");
});

Deno.test("app_permissions where they cannot act are refused", async () => {
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "-A",
      "mod.ts",
      "-t",
      "0",
      "-P",
      `${unusedPort()}`,
      "--app-permissions",
      "{}",
      "tests/apps/needy.ts",
    ],
    cwd: new URL("../../../", import.meta.url),
  }).output();
  assertEquals(code, 2);
  assertMatch(new TextDecoder().decode(stderr), /app_permissions.*threads: 0/);
});
