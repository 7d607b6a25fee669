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

/** What Deno keeps under `Deno[Deno.internal]`, as far as it is used here. */
interface Internals {
  readonly core?: {
    readonly internalFdSymbol?: symbol;
    tryClose?(resource: number): void;
    cancelTimer?(timer: number): void;
  };
  /** Deno makes it when `Deno.serve` is first looked at (http.ts). */
  serveHttpOnConnection?(
    connection: Deno.Conn,
    signal: { addEventListener(type: "abort", listener: () => void): void },
    handler: (request: Request, info: Deno.ServeHandlerInfo) => Response | Promise<Response>,
    onError: (error: unknown) => Response,
    onListen: (scheme: string) => void,
  ): { readonly finished: Promise<void>; shutdown(): Promise<void> };
}

export const internals: Internals = (Deno as Untyped)[(Deno as Untyped).internal] ?? {};

const missing = new Set<string>();

/** The object's own symbol of this description; one that is nowhere, where this Deno has none. */
export function hiddenSymbol(object: object, description: string): symbol {
  const found = Object.getOwnPropertySymbols(object).find((it) => it.description === description);
  if (found === undefined) missing.add(description);
  return found ?? Symbol(`${description}: not in this Deno`);
}

/** Descriptions of the symbols that were looked for so far, in this thread, and are not in this Deno. */
export function missingSymbols(): ReadonlySet<string> {
  return missing;
}

/** False once the probe has found that the server must do without; see {@linkcode forgoInternals}. */
export let internalsKnown = true;

/** From now on the server uses what Deno shows in public alone; see lone_request.ts. */
export function forgoInternals(): void {
  internalsKnown = false;
}
