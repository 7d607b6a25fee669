/** Programs of others that some tests need. Where one is missing its tests are skipped, and say so. */

/** Whether the program is installed. */
export function hasTool(name: string): boolean {
  const path = `${Deno.env.get("PATH") ?? ""}:/usr/sbin`.split(":");
  return path.some((folder) => {
    try {
      return Deno.statSync(`${folder}/${name}`).isFile;
    } catch {
      return false;
    }
  });
}

/** What a program says, both ways, and whether it was content. */
export async function runTool(
  name: string,
  ...args: string[]
): Promise<{ success: boolean; output: string }> {
  const { success, stdout, stderr } = await new Deno.Command(name, {
    args,
    env: { PATH: `${Deno.env.get("PATH") ?? ""}:/usr/sbin` },
    stdin: "null",
  }).output();
  const text = new TextDecoder();
  return { success, output: text.decode(stdout) + text.decode(stderr) };
}

/** Prefix of a command: root that may give no file to anybody. */
export const WITHOUT_CHOWN = ["setpriv", "--inh-caps=-chown", "--bounding-set=-chown"];
