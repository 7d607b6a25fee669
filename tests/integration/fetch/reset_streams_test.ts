/** Streams of HTTP/2 that their client gives up (RST_STREAM) while the app begins to answer. */

import { assert } from "@std/assert";
import http2 from "node:http2";
import { sceneTest } from "../../support/scene.ts";
import { until } from "../../support/wait.ts";
import { startApp, stateOf } from "./app.ts";

/** Of so many some dozen are reset in the moment in which Deno does not cancel the response's stream. */
const STREAMS = 1_500;
const CONNECTIONS = 6;
/** No client does it at a pace that is taken for a flood. */
const AT_ONCE = 8;

/** Resets streams so many milliseconds after their requests; where the connection is lost, on another one. */
async function resetStreams(port: number, path: string, count: number): Promise<void> {
  let left = count;
  while (left > 0) {
    const session = http2.connect(`http://127.0.0.1:${port}`);
    let lost = false;
    for (const event of ["error", "close", "goaway"]) session.on(event, () => lost = true);
    const client = async () => {
      while (!lost && left-- > 0) {
        const stream = session.request({ ":path": path });
        const closed = new Promise<void>((resolve) => stream.on("close", resolve));
        stream.on("error", () => {});
        stream.end();
        await new Promise((resolve) => setTimeout(resolve, 1 + left % 4));
        stream.close(http2.constants.NGHTTP2_CANCEL);
        if (!lost) await closed;
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, client));
    session.destroy();
  }
}

for (const threads of [0, 1]) {
  const where = threads === 0 ? "inline" : "in a thread";

  sceneTest(`each stream that its client resets is cancelled, ${where}`, async (scene) => {
    const server = await startApp(scene, threads);
    const count = STREAMS / CONNECTIONS;
    const clients = Array.from(
      { length: CONNECTIONS },
      () => resetStreams(server.port, "/late-events", count),
    );
    await Promise.all(clients);
    let last = "";
    const { begun } = await until("all are cancelled", async () => {
      const state = await stateOf(server);
      last = `${state.cancelled} of ${state.begun}`;
      return state.cancelled === state.begun ? state : null;
    }).catch((error) => {
      throw new Error(`${last} streams were cancelled`, { cause: error });
    });
    assert(begun > 0);
  });
}
