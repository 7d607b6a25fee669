import { assertEquals } from "@std/assert";
import { denoPart, inheritedFlags, soloFlags } from "../../../src/launch/deno_flags.ts";

Deno.test("what decides how an app runs is inherited, permissions and the rest are not", () => {
  const args = ["run", "-A", "--unstable-kv", "--no-check", "--v8-flags=--max-old-space-size=100"];
  assertEquals(inheritedFlags(args, "/here"), [
    "--unstable-kv",
    "--v8-flags=--max-old-space-size=100",
  ]);
});

Deno.test("a value in the next argument belongs to its flag", () => {
  assertEquals(inheritedFlags(["run", "--location", "http://a/", "-A"], "/here"), [
    "--location=http://a/",
  ]);
});

Deno.test("paths are those of the directory that Deno was started in, URLs stay", () => {
  const typed = ["run", "--cert", "ca.pem", "--preload=./a.ts", "--require=/b.cjs"];
  const others = ["--preload", "npm:c"];
  assertEquals(inheritedFlags([...typed, ...others], "/here"), [
    "--cert=/here/ca.pem",
    "--preload=/here/a.ts",
    "--require=/b.cjs",
    "--preload=npm:c",
  ]);
});

Deno.test("where the directory is reached by a symlink, .. is the parent of its place", () => {
  const directory = Deno.realPathSync(Deno.makeTempDirSync({ prefix: "denicorn-test-" }));
  try {
    Deno.mkdirSync(`${directory}/releases/first`, { recursive: true });
    Deno.symlinkSync("releases/first", `${directory}/current`);
    const args = ["run", "--cert=../ca.pem", "--preload", "./lib/../../a.ts", "--require=b.cjs"];
    assertEquals(inheritedFlags(args, `${directory}/current`), [
      `--cert=${directory}/releases/ca.pem`,
      `--preload=${directory}/releases/a.ts`,
      `--require=${directory}/current/b.cjs`,
    ]);
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
});

Deno.test("without flags, and without run, there is nothing to inherit", () => {
  assertEquals(inheritedFlags(["run", "-A"], "/here"), []);
  assertEquals(inheritedFlags([], "/here"), []);
});

Deno.test("what follows the module is denicorn's own, whatever it looks like", () => {
  const own = ["--unstable-cron", "--", "app.ts"];
  const line = ["--quiet", "run", "--log-level", "info", "-A", "mod.ts", ...own];
  assertEquals(denoPart(line, own), ["--quiet", "run", "--log-level", "info", "-A"]);
});

Deno.test("a process that takes the place of this one keeps its permissions and its debugger", () => {
  const given = [
    "-R=/srv,data",
    "-NW=here",
    "-E",
    "--deny-run",
    "--inspect=127.0.0.1:0",
    "--no-prompt",
  ];
  const args = ["run", "--quiet", ...given, "--allow-ffi", "--config", "x.json", "--unstable-kv"];
  assertEquals(soloFlags(args, "/here"), [
    "-R=/srv,/here/data",
    "-NW=/here/here",
    "-E",
    "--deny-run",
    "--inspect=127.0.0.1:0",
    "--no-prompt",
    "--allow-ffi",
    "--unstable-kv",
  ]);
  assertEquals(soloFlags(["--allow-run=git,./tool"], "/here"), ["--allow-run=git,/here/tool"]);
});

Deno.test("nothing takes the place of a process that Deno watches, or of named permissions", () => {
  for (const flag of ["--watch", "--watch-hmr=x", "-P", "-P=net", "--permission-set=a"]) {
    assertEquals(typeof soloFlags(["run", flag], "/here"), "string", flag);
  }
});
