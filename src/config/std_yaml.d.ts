/** What denicorn uses of @std/yaml, which ships no types on npm. */

export interface ParseOptions {
  readonly schema?: "core" | "default" | "failsafe" | "json" | "extended";
}

export function parse(content: string, options?: ParseOptions): unknown;

export class YamlSyntaxError extends SyntaxError {
  /** From 1. */
  readonly line: number;
  readonly column: number;
}
