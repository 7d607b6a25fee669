/** The text of `--help`, made from the registry. */

import { commandEntries, entries, type Entry, flagOf } from "../registry.ts";
import { type Section, SECTIONS } from "../setting.ts";

const WIDTH = 100;
const INDENT = 30;

const HEAD = `denicorn: a production application server for Deno.

Usage: denicorn [OPTIONS] APP     (from its source: deno run -A mod.ts [OPTIONS] APP)

APP is a module with a fetch handler (app.ts, app.ts:name, a URL, npm:NAME, jsr:NAME) or a Python
WSGI app (package.module:callable). It may also stand in the configuration file as "app:".
`;

const TAIL = `
Times take 500ms, 30s, 2m, 1h; a number alone is seconds. Sizes take 64KiB, 10MB, 1GiB.
Each setting NAME is also the environment variable DENICORN_NAME and the key NAME in denicorn.yaml;
the command line wins over the environment, and that over the file. A switch is turned off with
--no-NAME. docs/settings.md tells more of each.
`;

export function helpText(): string {
  const sections = (Object.keys(SECTIONS) as Section[]).map((section) => {
    const own = [...entries, ...commandEntries].filter(({ name, setting }) =>
      setting.section === section && name !== "app"
    );
    return own.length === 0 ? "" : `\n${SECTIONS[section]}:\n${own.flatMap(linesOf).join("\n")}\n`;
  });
  return HEAD + sections.join("") + TAIL;
}

function linesOf({ name, setting }: Entry): string[] {
  const { short, kind, help, spellings = [] } = setting;
  // yimmo-wsgi's --no-proc N reads as if it turned something off. docs/settings.md has it.
  const isPlain = (flag: string) => !flag.startsWith("no-");
  const others = spellings.filter(({ help, flags }) =>
    help === undefined && (flags ?? []).every(isPlain)
  );
  const shorts = [short, ...others.map((other) => other.short)].filter((one) => one !== undefined);
  const longs = [flagOf(name), ...others.flatMap(({ flags = [] }) => flags)];
  const value = kind.placeholder === "" ? "" : ` ${kind.placeholder}`;
  const lines = entry(
    flags(shorts, longs.slice(0, 2)) + value,
    `${first(help)}${standard(setting)}`,
  );
  for (const { short, flags: own = [], placeholder = "", help } of spellings) {
    if (help !== undefined) {
      lines.push(...entry(`${flags(short ? [short] : [], own)} ${placeholder}`, capital(help)));
    }
  }
  return lines;
}

function flags(shorts: readonly string[], longs: readonly string[]): string {
  const all = [...shorts.map((letter) => `-${letter}`), ...longs.map((word) => `--${word}`)];
  return `  ${shorts.length === 0 ? "    " : ""}${all.join(", ")}`;
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** The first sentence: dots within 127.0.0.1 or *.ts end none. */
function first(help: string): string {
  return /^.*?[.;:](?=\s+[A-Z`0]|$)/s.exec(help)?.[0].replace(/[;:]$/, ".") ?? help;
}

function standard({ kind, default: value, defaultText }: Entry["setting"]): string {
  if (defaultText !== undefined) return ` [${defaultText}]`;
  const shown = [kind.show(value)].flat().join(", ");
  return shown === "" || shown === "false" ? "" : ` [${shown === "true" ? "on" : shown}]`;
}

/** Two columns; what is too wide for the first one stands on a line of its own. */
function entry(left: string, right: string): string[] {
  const lines = wrap(right.replaceAll("`", ""), WIDTH - INDENT);
  const [head = "", ...rest] = lines;
  const tail = rest.map((line) => " ".repeat(INDENT) + line);
  return left.length <= INDENT - 2
    ? [left.padEnd(INDENT) + head, ...tail]
    : [left, " ".repeat(INDENT) + head, ...tail];
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else {
      line = line === "" ? word : `${line} ${word}`;
    }
  }
  return [...lines, line];
}
