/** What tests/apps/mirror.ts tells of a request. */

export interface Mirrored {
  readonly method: string;
  readonly url: string;
  readonly fields: readonly (readonly [string, string])[];
  readonly remote: Deno.Addr;
  readonly body: string;
}
