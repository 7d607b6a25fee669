/** An app of WebSockets, run in all of the ways in which an app is run, and asked for what it has seen. */

import { Program } from "./program.ts";

export const APP = "sockets.ts";

/** Runs `test` on an instance of its own, or on all of the ways in which an app is run. */
export function each(
  name: string,
  test: (program: Program) => Promise<void>,
  ...args: string[]
): void {
  for (const [how, threads] of [["threads", "1"], ["inline", "0"]] as const) {
    Deno.test(`${name} (${how})`, async () => {
      await using program = await Program.start(APP, "-w", "1", "-t", threads, ...args);
      await test(program);
    });
  }
}

async function logOf(program: Program): Promise<string[]> {
  return await (await fetch(program.url("/log"))).json();
}

/** What the app logs: asked for until it is there. */
export async function logged(program: Program, count: number): Promise<string[]> {
  const lines: string[] = [];
  while (lines.length < count) lines.push(...await logOf(program));
  return lines;
}
