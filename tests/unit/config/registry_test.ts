import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import manifest from "../../../deno.json" with { type: "json" };
import { settingsPage } from "../../../src/config/texts/docs.ts";
import { helpText } from "../../../src/config/texts/help.ts";
import { printedConfig } from "../../../src/config/texts/print.ts";
import {
  commandEntries,
  entries,
  envNames,
  envOf,
  flagNames,
  flagOf,
  keyNames,
} from "../../../src/config/registry.ts";
import { VERSION } from "../../../src/config/version.ts";
import { configIn, loadIn } from "./support.ts";

const all = [...entries, ...commandEntries];

Deno.test("every setting has a flag, an environment variable and a key", () => {
  for (const { name } of entries) {
    assertEquals(flagNames.get(flagOf(name))?.name, name);
    assertEquals(envNames.get(envOf(name))?.name, name);
    assertEquals(keyNames.get(name)?.name, name);
  }
});

Deno.test("every default is a value that the setting itself accepts", () => {
  for (const { name, setting: { kind, default: value } } of all) {
    assertEquals(kind.parse(kind.show(value)), value, name);
  }
});

Deno.test("every help text is whole sentences, and its words are short enough for two columns", () => {
  for (const { name, setting: { help, spellings = [] } } of all) {
    assert(/^[A-Z`].*[.…]$/s.test(help), `${name}: ${help}`);
    for (const spelling of spellings) {
      assertEquals(spelling.help === undefined, spelling.placeholder === undefined, name);
    }
  }
});

Deno.test("--help lists every setting, fits 100 columns, and keeps its columns apart", () => {
  const lines = helpText().split("\n");
  for (const line of lines) assert(line.length <= 100, line);
  const flags = new Set(helpText().match(/--[a-z][a-z0-9-]*/g));
  for (const { name } of all) {
    if (name !== "app") assert(flags.has(`--${flagOf(name)}`), name);
  }
  for (const flag of flags) {
    const word = flag.slice(2);
    assert(flagNames.has(word) || word === "no-", `${flag} is in the text and does not exist`);
  }
});

Deno.test("docs/settings.md is what `deno task docs` makes", async () => {
  const format = new Deno.Command(Deno.execPath(), {
    args: ["fmt", "--ext", "md", "-"],
    cwd: new URL("../../../", import.meta.url),
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const writer = format.stdin.getWriter();
  await writer.write(new TextEncoder().encode(settingsPage()));
  await writer.close();
  const { stdout } = await format.output();
  const page = Deno.readTextFileSync(new URL("../../../docs/settings.md", import.meta.url));
  assertEquals(page, new TextDecoder().decode(stdout), "run: deno task docs");
});

Deno.test("what --print-config prints is a file that means the same", () => {
  const argv = [
    ...["-b", ":1,unix:@x", "-w", "3", "--umask", "027", "-e", 'A=1, "x": #y', "-e", "B=é"],
    ...["--access-log", "-", "--access-log-format", '%({x-id}i)s "%(r)s"', "--timeout", "500ms"],
    ...[
      "--forwarded-allow-ips",
      "10.0.0.0/8,::1",
      "--app-permissions",
      '{"net":["a"],"ffi":false}',
    ],
    ...["--proc-name", "a: b", "--limit-request-body", "10MB", "--reload", "--log-level", "debug"],
  ];
  const printed = printedConfig(loadIn({ argv }).values).replaceAll("DIR", ".");
  // The directory of the first load is gone, so paths are printed relative to it.
  assertEquals(configIn({ app: false, file: printed }), configIn({ argv }));
});

Deno.test("--print-config says where each value came from", () => {
  const env = { DENICORN_THREADS: "2" };
  const printed = printedConfig(loadIn({ file: "\nbacklog: 9", env, argv: ["-w3"] }).values);
  const lines = printed.split("\n").map((line) => line.replace(/ +#/, " #"));
  for (
    const line of [
      "workers: 3 # command line -w",
      "threads: 2 # environment DENICORN_THREADS",
      "backlog: 9 # denicorn.yaml:2",
      "timeout: 30 # default",
    ]
  ) assert(lines.includes(line), `${line} is not in:\n${printed}`);
});

Deno.test("every example in the docs is a line that the file may have", () => {
  const examples = all.filter(({ setting }) => setting.example !== undefined);
  assert(examples.length > 0);
  for (const { name, setting: { example } } of examples) {
    assertStringIncludes(settingsPage(), `\`${name}: ${example}\``);
    const { from } = loadIn({ file: `${name}: ${example}` }).values.get(name)!;
    assertEquals(from, "denicorn.yaml:1", name);
  }
});

Deno.test("the version is deno.json's", () => {
  assertEquals(VERSION, manifest.version);
});
