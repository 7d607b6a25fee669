/**
 * How what Deno hides is found: this room is the only one that looks for it, and tells the others by
 * plain functions. docs/internals.md ("Moving to another Deno") says what there is and what happens
 * without it.
 */

/**
 * For objects that Deno does not type.
 * @internal to this room.
 */
// deno-lint-ignore no-explicit-any
export type Untyped = any;

/** The object's own symbol of this description; one that is nowhere, where this Deno has none. */
export function hiddenSymbol(object: object, description: string): symbol {
  return Object.getOwnPropertySymbols(object).find((it) => it.description === description) ??
    Symbol(`${description}: not in this Deno`);
}

/** False once the probe has found that the server must do without; see {@linkcode forgoInternals}. */
export let internalsKnown = true;

/** From now on the server uses what Deno shows in public alone; see lone_request.ts. */
export function forgoInternals(): void {
  internalsKnown = false;
}
