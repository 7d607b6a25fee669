/** What an app finds of the program that it would be by itself, under `node` or `deno run`. */

import process from "node:process";
import { fileURLToPath } from "node:url";
import type { AppSpecifier } from "./app_specifier.ts";

const CLUSTER = /["'](?:node:)?cluster["']/;

/**
 * Lets the app's file be `process.argv[1]`, by which ES modules for Node tell that they are the
 * program, and take it for started by itself: Angular's and Vite's servers listen behind that.
 *
 * Before the app is imported.
 */
export async function actAsProgram({ url }: AppSpecifier): Promise<void> {
  if (!/^file:/i.test(url)) return;
  process.argv[1] = fileURLToPath(url);
  await refuseToFork(url);
}

/**
 * What node:cluster starts would bind ports beside denicorn's, or not run at all, while the primary
 * never listens. The module takes 0.1 s to load: it is only for who names it.
 */
async function refuseToFork(url: string): Promise<void> {
  const source = await Deno.readTextFile(new URL(url)).catch(() => "");
  if (!CLUSTER.test(source)) return;
  const { default: cluster } = await import("node:cluster");
  cluster.fork = () => {
    throw new Error(
      "cluster.fork() starts no workers under denicorn, which runs the app in its own " +
        "(workers, threads): call listen() without node:cluster",
    );
  };
}
