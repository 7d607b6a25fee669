/** Clients that send what is no request, and clients that only look as if they did. */

import { connect } from "node:net";
import { assert, assertEquals } from "@std/assert";
import {
  concat,
  Flag,
  frame,
  FrameType,
  headerBlock,
  PREFACE,
} from "../../../bench/support/http2_frames.ts";
import type { Running } from "../../support/running.ts";
import { sceneTest } from "../../support/scene.ts";
import { hasTool, runTool } from "../../support/tools.ts";
import { Wire } from "../../support/wire.ts";
import { startMirror } from "./mirror.ts";

const REQUEST = headerBlock([
  [":method", "GET"],
  [":scheme", "http"],
  [":path", "/"],
  [":authority", "a.example"],
]);
/** 12 KB of fields; three of them are more than Deno lets a request have. */
const FIELDS = headerBlock(
  Array.from({ length: 60 }, (_, i) => [`x-field-${i}`, "x".repeat(200)] as const),
);

const BEGIN = concat([PREFACE, frame(FrameType.settings, Flag.none, 0)]);

/** Ten requests that Deno refuses by itself. */
const OVERSIZED = Array.from({ length: 10 }, () => [
  frame(FrameType.headers, Flag.endStream, 0, REQUEST),
  frame(FrameType.continuation, Flag.none, 0, FIELDS),
  frame(FrameType.continuation, Flag.none, 0, FIELDS),
  frame(FrameType.continuation, Flag.endHeaders, 0, FIELDS),
]);

/** The same, from this stream on. */
function oversized(first: number): Uint8Array[] {
  return OVERSIZED.flatMap((frames, i) => {
    for (const bytes of frames) new DataView(bytes.buffer).setUint32(5, first + 2 * i);
    return frames;
  });
}

const MUTED = /Not listening to a connection of 127\.0\.0\.1 any more: it sent \d+ KiB/;
const RETIRED = /Closing a proxy's connection: it sent \d+ KiB/;

/** Sends them, as fast as it can, until the server says so or cuts it off. `first`: a frame before. */
async function flood(
  { connection }: Wire,
  server: Running,
  said: RegExp,
  first: Uint8Array = new Uint8Array(0),
): Promise<void> {
  let listens = true;
  const over = server.says(said).finally(() => listens = false);
  let left = concat([BEGIN, first]);
  for (let stream = 3; listens; stream += 20) {
    while (listens && left.length > 0) {
      const written = connection.write(left).catch(() => left.length);
      left = left.subarray(await Promise.race([written, over.then(() => 0)]));
    }
    left = concat(oversized(stream));
  }
  await over;
}

for (const threads of [0, 1]) {
  sceneTest(
    `who floods over HTTP/2 is not listened to any more, and cut off, threads: ${threads}`,
    async (scene) => {
      const server = await startMirror(scene, threads, "-l", "debug");
      using wire = await Wire.connect(server.port);
      await flood(wire, server, MUTED);
      assertEquals(await server.get("/hello"), "hello");
      await server.says(/Closing a connection of 127\.0\.0\.1: it was muted/);
      await wire.rest();
      assertEquals(await server.get("/seen"), "1");
      await server.stop();
    },
  );

  sceneTest(
    `a proxy by which others come is not muted for one of them, threads: ${threads}`,
    async (scene) => {
      const server = await startMirror(scene, threads);
      using wire = await Wire.connect(server.port);
      const forwarded = headerBlock([
        [":method", "GET"],
        [":scheme", "http"],
        [":path", "/hello"],
        [":authority", "a.example"],
        ["x-forwarded-for", "192.0.2.7"],
      ]);
      const first = frame(FrameType.headers, Flag.endHeaders | Flag.endStream, 1, forwarded);
      await flood(wire, server, RETIRED, first);
      assertEquals(await server.get("/hello"), "hello");
      assertEquals(MUTED.exec(server.output)?.[0], undefined);
    },
  );

  sceneTest(
    `requests over HTTP/2 that are refused are no flood, threads: ${threads}`,
    async (scene) => {
      const server = await startMirror(scene, threads, "-l", "debug");
      const field = `x-large: ${"x".repeat(9_000)}`;
      const { output } = await runTool("h2load", "-n", "400", "-c", "1", "-H", field, server.url);
      assertEquals(/([0-9]+) 4xx/.exec(output)?.[1], "400");
      await server.stop();
      assertEquals(/Not listening|sends far ahead/.exec(server.output)?.[0], undefined);
    },
    { needs: hasTool("h2load") },
  );

  sceneTest(
    `uploads over HTTP/2 are no flood, read or not, threads: ${threads}`,
    async (scene) => {
      const server = await startMirror(scene, threads, "-l", "debug");
      const file = `${scene.directory}/body`;
      await Deno.writeFile(file, new Uint8Array(100_000));
      for (const path of ["/unread", "/ponder"]) {
        const [load, url] = [["-n", "400", "-c", "4", "-m", "8"], `${server.url}${path}`];
        const { output } = await runTool("h2load", ...load, "-d", file, url);
        assertEquals(/([0-9]+) succeeded, ([0-9]+) failed/.exec(output)?.slice(1), ["400", "0"]);
      }
      await server.stop();
      assertEquals(/Not listening|sends far ahead/.exec(server.output)?.[0], undefined);
    },
    { needs: hasTool("h2load") },
  );
}

sceneTest("connections that are reset before they are accepted hold nobody up", async (scene) => {
  // It accepts nobody while it waits for the gate to be opened, since it has no other thread.
  const gate = `${scene.directory}/gate`;
  new Deno.Command("mkfifo", { args: [gate] }).outputSync();
  const server = await scene.start({
    workers: 1,
    args: ["-t", "0"],
    app: `export default (request) => {
      if (!request.url.endsWith("/wait")) return new Response("served");
      console.log("it waits");
      return new Response(Deno.readTextFileSync(${JSON.stringify(gate)}));
    };`,
  });
  const waits = server.get("/wait");
  await server.says(/it waits/);
  for (let i = 0; i < 20; i++) {
    const client = connect(server.port, "127.0.0.1", () => client.resetAndDestroy());
    await new Promise<void>((resolve) => client.on("close", () => resolve()));
  }
  await Deno.writeTextFile(gate, "opened");
  assertEquals([await waits, await server.get()], ["opened", "served"]);
  assert(!server.output.includes("Cannot accept connections"), server.output);
});
