/** The text of `--print-config`: YAML that may be used as a file, each value with where it came from. */

import type { Values } from "../load.ts";
import { entries } from "../registry.ts";

export function printedConfig(values: Values): string {
  const lines = entries.map(({ name, setting }) => {
    const { value, from } = values.get(name) ?? { value: setting.default, from: "default" };
    const shown = setting.kind.show(value);
    const yaml = typeof shown === "string" ? scalar(shown) : `[${shown.map(scalar).join(", ")}]`;
    return { said: `${name}: ${yaml}`, from };
  });
  const width = Math.min(60, Math.max(...lines.map(({ said }) => said.length)));
  return lines.map(({ said, from }) => `${said.padEnd(width)}  # ${from}\n`).join("");
}

/** Plain where it reads as the same text, else in quotes, which JSON's are (YAML 1.2, 7.3.1). */
function scalar(text: string): string {
  if (text === "") return "null";
  return /^[\w/.][\w/.+-]*$/.test(text) && text !== "null" ? text : JSON.stringify(text);
}
