/** A client of HTTP/2 that never pauses, while its proc leaves. */

import { assert, assertEquals } from "@std/assert";
import { Flag, frame, FrameType, headerBlock } from "../../../bench/support/http2_frames.ts";
import { takeFrame } from "../../support/http2_wire.ts";
import { sceneTest } from "../../support/scene.ts";
import { toLatin1, Wire } from "../../support/wire.ts";
import { acknowledge, beginHttp2 } from "./slow_reader.ts";

/** Slow, and now more and now less, so that a stream is in flight at any time. */
const APP = `let count = 0;
export default {
  async fetch(request) {
    await request.arrayBuffer();
    await new Promise((resolve) => setTimeout(resolve, 100 + 40 * (count++ % 5)));
    return new Response("answer");
  },
};
`;

/** What becomes of a connection on which more is asked as long as the server has not said that it goes. */
class BusyClient {
  readonly #wire: Wire;
  /** Streams that wait for their answer. */
  readonly #open = new Set([1]);
  #next = 3;
  /** The last stream that the server answers. */
  #last = Infinity;
  /** The answers that have come. */
  answers: string[] = [];

  constructor(wire: Wire) {
    this.#wire = wire;
  }

  /** Asks until the server goes, and takes all until it closes. Returns the streams that have no answer. */
  async run(): Promise<number> {
    await this.#wire.send(beginHttp2("/"));
    for (let more = 0; more < 4; more++) await this.#ask();
    do {
      for (let next; (next = takeFrame(this.#wire)) !== null;) {
        await acknowledge(this.#wire, next);
        const { type, flags, stream, payload } = next;
        if (type === FrameType.goAway) {
          this.#last = payload.charCodeAt(2) << 8 | payload.charCodeAt(3);
        }
        if (type === FrameType.data && payload !== "") this.answers.push(payload);
        if (type !== FrameType.data || (flags & Flag.endStream) === 0) continue;
        this.#open.delete(stream);
        if (this.#last === Infinity) await this.#ask();
      }
    } while (await this.#wire.receive());
    return [...this.#open].filter((stream) => stream <= this.#last).length;
  }

  /** An upload whose end is sent apart. */
  async #ask(): Promise<void> {
    const stream = this.#next;
    this.#next += 2;
    this.#open.add(stream);
    const fields = { ":method": "POST", ":scheme": "http", ":authority": "a", ":path": "/" };
    const head = headerBlock(Object.entries(fields));
    await this.#wire.send(toLatin1(frame(FrameType.headers, Flag.endHeaders, stream, head)));
    await this.#wire.send(toLatin1(frame(FrameType.data, Flag.endStream, stream)));
  }
}

for (const threads of [0, 1]) {
  const where = threads === 0 ? "inline" : "in a thread";

  sceneTest(
    `who asks without a pause over HTTP/2 loses nothing to a stop, ${where}`,
    async (scene) => {
      const args = ["-t", String(threads), "--graceful-timeout", "4"];
      const server = await scene.start({ app: APP, workers: 1, args });
      using wire = await Wire.connect(server.port);
      const client = new BusyClient(wire);
      const unanswered = client.run();
      server.signal("SIGTERM");
      assertEquals(await unanswered, 0);
      assertEquals(new Set(client.answers), new Set(["answer"]));
      assertEquals((await server.end()).code, 0);
      assert(!/not finished/.test(server.output), server.output);
    },
  );
}
