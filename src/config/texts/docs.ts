/** docs/settings.md, made from the registry: `deno task docs` writes it, a test keeps it current. */

import { commandEntries, entries, type Entry, envOf, flagOf } from "../registry.ts";
import { type Section, SECTIONS } from "../setting.ts";

const HEAD = `# Settings

<!-- Made from src/config/settings/ by \`deno task docs\`. Edit the records there. -->

A setting is one name, as a key in the YAML file. Its flag is the same with dashes, its environment
variable the same in capitals behind \`DENICORN_\`. From lowest to highest, this is what counts:

1. the default;
2. the file: \`--config FILE\`, else \`./denicorn.yaml\` if it is there;
3. the environment; an empty variable is as good as none;
4. the command line.

The highest that names a setting decides it alone: lists are not joined. \`--print-config\` prints
every value with where it came from, as YAML that may be used as a file. \`--check-config\` checks
all that can be known without running code of the app's or the hooks', and ends. What is wrong (an unknown name, a bad value, bad YAML) is one line that says where,
and exit code 2; an unknown \`DENICORN_\` variable is a warning.

## How values are written

- **Times** are seconds, or have a unit: \`500ms\`, \`30s\`, \`2m\`, \`1h\`, \`1d\`.
- **Sizes** are bytes, or have a unit: \`10kB\`, \`10MB\`, \`1GB\` count in thousands; \`10KiB\`, \`1MiB\`,
  \`1GiB\` and the bare \`10k\`, \`1m\`, \`1g\` count in 1,024s.
- **Switches** are \`true\` or \`false\` (\`yes\`, \`no\`, \`on\`, \`off\`, \`1\`, \`0\`); on the command line
  \`--name\` and \`--no-name\`.
- **Lists** are YAML lists, repeated flags, or one text with commas.
- **Maps** are YAML maps, or repeated \`NAME=VALUE\`.
- **Paths** that are relative are taken from \`chdir\`; \`chdir\` and \`config\` themselves from the
  directory that denicorn is started in.
- **Nothing** is \`null\` in YAML and an empty value on the command line.

## yimmo-wsgi's names

Its file and its environment are understood as they are:

\`\`\`yaml
log_level: INFO
wsgi:
  port: 8081
  no_proc: 2
  no_threads: 4
  tls:
    cert: /etc/ssl/site.crt
    key: /etc/ssl/site.pem
\`\`\`

\`YIMMO_WSGI_MODULE\` and \`YIMMO_WSGI_APP\` name the app together. A port that is given so is on every
IPv4 address, as it is there; \`--port\` and the key \`port\` are on 127.0.0.1.
`;

export function settingsPage(): string {
  const all = [...entries, ...commandEntries];
  const sections = (Object.keys(SECTIONS) as Section[]).map((section) => {
    const own = all.filter(({ setting }) => setting.section === section);
    return `\n## ${SECTIONS[section]}\n${own.map(settingText).join("")}`;
  });
  return HEAD + sections.join("");
}

function settingText({ name, setting }: Entry): string {
  const { kind, help, example, spellings = [], section } = setting;
  const value = kind.placeholder === "" ? "" : ` ${kind.placeholder}`;
  const shorts = [setting.short, ...spellings.map(({ short }) => short)];
  const flags = [
    ...shorts.flatMap((short) => short === undefined ? [] : [`-${short}`]),
    `--${flagOf(name)}${value}`,
    ...spellings.flatMap((spelling) =>
      (spelling.flags ?? []).map((flag) => `--${flag} ${spelling.placeholder ?? kind.placeholder}`)
    ),
  ];
  const env = spellings.flatMap((spelling) => spelling.env ?? []);
  const keys = spellings.flatMap((spelling) => spelling.keys ?? []);
  const inEnvironment = section !== "command" || name === "config";
  const lines = [
    name === "app" ? "Argument: `APP`" : `Flags: ${codes(flags)}`,
    ...(inEnvironment ? [`Environment: ${codes([envOf(name), ...env])}`] : []),
    ...(keys.length > 0 ? [`Also in the file: ${codes(keys)}`] : []),
    `Values: ${kind.values}${kind.repeatable ? "; repeatable" : ""}`,
    `Default: ${standard(setting)}`,
    ...(example === undefined ? [] : [`Example: \`${name}: ${example}\``]),
  ];
  const more = spellings.flatMap(({ flags = [], placeholder, help }) =>
    help === undefined ? [] : [`\`--${flags[0]} ${placeholder}\`: ${help}`]
  );
  return `\n### \`${name}\`\n\n${[help, ...more].join(" ")}\n\n` +
    lines.map((line) => `- ${line}\n`).join("");
}

function codes(words: readonly string[]): string {
  return words.map((word) => `\`${word}\``).join(", ");
}

function standard({ kind, default: value, defaultText }: Entry["setting"]): string {
  if (defaultText !== undefined) return defaultText;
  const shown = [kind.show(value)].flat().join(", ");
  return shown === "" ? "none" : `\`${shown}\``;
}

if (import.meta.main) {
  Deno.writeTextFileSync(new URL("../../../docs/settings.md", import.meta.url), settingsPage());
}
