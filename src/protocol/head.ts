/** Header fields as one string, `name\nvalue\nname\nvalue…`: how they cross the queues. */

export type Field = readonly [name: string, value: string];

/** Reads `text` from `at` on. "" has no fields. No name or value can hold a line feed. */
export function parseFields(text: string, at = 0): [string, string][] {
  const fields: [string, string][] = [];
  while (at < text.length) {
    const nameEnd = text.indexOf("\n", at);
    let valueEnd = text.indexOf("\n", nameEnd + 1);
    if (valueEnd < 0) valueEnd = text.length;
    fields.push([text.slice(at, nameEnd), text.slice(nameEnd + 1, valueEnd)]);
    at = valueEnd + 1;
  }
  return fields;
}

/** Whether a field's comma-separated list has this token (in lower case) in any case: RFC 9110, 5.6.1. */
export function hasToken(list: string, token: string): boolean {
  return list.split(",").some((it) => it.trim().toLowerCase() === token);
}

/** The reverse of {@linkcode parseFields}. */
export function joinFields(fields: readonly Field[]): string {
  let text = "";
  for (let i = 0; i < fields.length; i++) {
    const field = fields[i]!;
    text += i === 0 ? field[0] + "\n" + field[1] : "\n" + field[0] + "\n" + field[1];
  }
  return text;
}
