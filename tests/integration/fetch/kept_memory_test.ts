/** What an exchange keeps: not more than came, and nothing once it is over. */

import { assert } from "@std/assert";
import { sceneTest } from "../../support/scene.ts";
import { until } from "../../support/wait.ts";
import { Wire } from "../../support/wire.ts";

const CLIENTS = 4;
const PIECES = 120;
const PIECE_BYTES = 1_500;
const SENT_BYTES = CLIENTS * PIECES * PIECE_BYTES;

/** Its POSTs are never read, nor answered. */
const UNREADING = `export default {
  fetch(request: Request): Response | Promise<Response> {
    if (request.method === "POST") return new Promise(() => {});
    return new Response(String(Deno.memoryUsage().external));
  },
};
`;

sceneTest(
  "an upload in small pieces that nobody reads takes about what was sent",
  async (scene) => {
    const server = await scene.start({ app: UNREADING, workers: 1, args: ["-t", "1"] });
    const external = async () => Number(await server.get("/"));
    const before = await external();
    const piece = `${PIECE_BYTES.toString(16)}\r\n${"x".repeat(PIECE_BYTES)}\r\n`;
    const upload = async () => {
      const wire = await Wire.connect(server.port);
      await wire.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
      for (let sent = 0; sent < PIECES; sent++) {
        await wire.send(piece);
        // Each is read by itself.
        await new Promise((resolve) => setTimeout(resolve, 2));
      }
      return wire;
    };
    const wires = await Promise.all(Array.from({ length: CLIENTS }, upload));
    const taken = await until("all has come to the thread", async () => {
      const taken = await external() - before;
      return taken >= SENT_BYTES ? taken : null;
    });
    assert(taken < 4 * SENT_BYTES, `${SENT_BYTES} bytes take ${taken}`);
    for (const wire of wires) wire[Symbol.dispose]();
  },
);

const REQUESTS = 200;

/** Tells at /alive how many of the requests before are still there. */
const PATIENT = `import http from "node:http";
const seen: WeakRef<object>[] = [];
http.createServer((req, res) => {
  if (req.url === "/alive") {
    (globalThis as unknown as { gc(): void }).gc();
    return void res.end(String(seen.filter((it) => it.deref() !== undefined).length));
  }
  seen.push(new WeakRef(req));
  if (req.url === "/request") req.setTimeout(600_000);
  else res.setTimeout(600_000, () => {});
  res.end("soon");
}).listen(8000);
`;

for (const path of ["/request", "/response"]) {
  sceneTest(`a timeout of node:http is over with its exchange, set on ${path}`, async (scene) => {
    const server = await scene.start({
      app: PATIENT,
      workers: 1,
      args: ["-t", "1"],
      env: { DENO_V8_FLAGS: "--expose-gc" },
    });
    for (let i = 0; i < REQUESTS; i++) await server.get(path);
    await until("they are let go", async () => Number(await server.get("/alive")) < REQUESTS / 4);
  });
}
