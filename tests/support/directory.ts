/** A directory for a test that is no scene. */

/** `using directory = temporary()`: it goes with the block, with all that is in it. */
export function temporary(): { readonly path: string } & Disposable {
  const path = Deno.makeTempDirSync({ prefix: "denicorn-test-" });
  return { path, [Symbol.dispose]: () => Deno.removeSync(path, { recursive: true }) };
}
