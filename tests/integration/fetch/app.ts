/** The app of these tests, tests/apps/fetch.ts, started in threads or inline. */

import type { Running } from "../../support/running.ts";
import type { Scene } from "../../support/scene.ts";

const APP = new URL("../../apps/fetch.ts", import.meta.url).pathname;

/** What the app counts; see /state there. */
export interface State {
  readonly aborted: number;
  readonly begun: number;
  readonly cancelled: number;
  readonly completed: string;
  readonly pulled: number;
  readonly received: number;
}

/** One proc with so many threads (0: inline). */
export async function startApp(
  scene: Scene,
  threads: number,
  ...args: string[]
): Promise<Running> {
  const options = ["-b", "127.0.0.1:0", "-w", "1", "-t", String(threads), ...args];
  const server = scene.run([...options, APP]);
  await server.ready(1);
  return server;
}

export async function stateOf(server: Running): Promise<State> {
  return JSON.parse(await server.get("/state"));
}
