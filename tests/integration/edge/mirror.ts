/** tests/apps/mirror.ts, started for these tests. */

import type { Mirrored } from "../../support/mirrored.ts";
import type { Running } from "../../support/running.ts";
import type { Scene } from "../../support/scene.ts";
import { type Latin1, Wire, type WireResponse } from "../../support/wire.ts";

export const MIRROR = new URL("../../apps/mirror.ts", import.meta.url).pathname;

/** One proc with so many threads (0: inline), on a free port. */
export async function startMirror(
  scene: Scene,
  threads: number,
  ...args: string[]
): Promise<Running> {
  const server = scene.run([
    "-b",
    "127.0.0.1:0",
    "-w",
    "1",
    "-t",
    String(threads),
    ...args,
    MIRROR,
  ]);
  await server.ready(1);
  return server;
}

/** One request by hand, on a connection of its own; null where nothing comes back. */
export async function ask(port: number, request: Latin1): Promise<WireResponse | null> {
  using wire = await Wire.connect(port);
  await wire.send(request);
  return await wire.response();
}

/** What the app was asked. Throws where it was not. */
export function mirrored(response: WireResponse | null): Mirrored {
  if (response?.status !== 200) {
    throw new Error(`The app was not asked: ${response?.status} ${response?.body}`);
  }
  return JSON.parse(response.body);
}
