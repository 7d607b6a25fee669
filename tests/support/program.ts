/** Where the tests find the program that they start. */

const ROOT = new URL("../../", import.meta.url).pathname;

/** All that the program is made of. */
const PARTS = ["mod.ts", "deno.json", "deno.lock", "src"];

/**
 * The path of mod.ts. Some tests run the program as another user, who cannot read a clone in root's
 * home: then it is a copy's, which goes with the test file's end.
 */
export const MOD = Deno.uid() === 0 && isClosedToOthers() ? copy() : `${ROOT}mod.ts`;

function isClosedToOthers(): boolean {
  if (((Deno.statSync(`${ROOT}mod.ts`).mode ?? 0) & 0o004) === 0) return true;
  for (let path = ROOT; path !== ""; path = path.slice(0, path.lastIndexOf("/"))) {
    if (((Deno.statSync(path).mode ?? 0) & 0o001) === 0) return true;
  }
  return false;
}

function copy(): string {
  const directory = Deno.makeTempDirSync({ prefix: "denicorn-program-" });
  addEventListener("unload", () => Deno.removeSync(directory, { recursive: true }));
  run("cp", "-r", ...PARTS.map((part) => `${ROOT}${part}`), directory);
  run("chmod", "-R", "a+rX", directory);
  return `${directory}/mod.ts`;
}

function run(command: string, ...args: string[]): void {
  const { success, stderr } = new Deno.Command(command, { args }).outputSync();
  if (!success) throw new Error(`${command} failed: ${new TextDecoder().decode(stderr)}`);
}
