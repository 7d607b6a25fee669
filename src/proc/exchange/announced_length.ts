/**
 * The length of a streamed response, where the app has announced it; else Infinity. When so much is out
 * Deno cancels the stream, if it has not ended yet, though the client has all of it.
 */
export function announcedLength(fields: readonly [string, string][]): number {
  const field = fields.find(([name]) => name.toLowerCase() === "content-length");
  const length = field === undefined ? NaN : Number(field[1]);
  return length >= 0 ? length : Infinity;
}
