// deno-lint-ignore-file no-import-prefix -- an app beside deno.json, not a part of it
/** A Fastify 5 app: asynchronous start, schemas, streams. */

import Fastify from "npm:fastify@5.12.8";
import { Readable } from "node:stream";

const app = Fastify();
app.get("/", () => ({ hello: "fastify" }));
app.post("/echo", (request) => ({ got: request.body }));
app.get("/stream", (_request, reply) => reply.send(Readable.from(["a", "b", "c"])));
app.get("/throws", () => {
  throw new Error("thrown in a route");
});

await app.listen({ port: 3000 });
