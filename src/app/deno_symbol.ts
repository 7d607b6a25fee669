/** What Deno hides behind symbols, found by their descriptions. */

/** The object's own symbol of this description; one that is nowhere, where this Deno has none. */
export function denoSymbol(object: object, description: string): symbol {
  return Object.getOwnPropertySymbols(object).find((it) => it.description === description) ??
    Symbol(`${description}: not in this Deno`);
}
