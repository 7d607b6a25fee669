// deno-lint-ignore-file no-import-prefix -- an app of its own, with its dependencies named in it
/**
 * A Fastify app, unmodified, with a schema and an asynchronous start.
 *
 *     deno run -A mod.ts examples/fastify.js
 */

import Fastify from "npm:fastify@5.12.8";

const app = Fastify();

app.get("/", () => ({ hello: "Fastify" }));

const schema = {
  body: {
    type: "object",
    required: ["name"],
    properties: { name: { type: "string" } },
  },
};

app.post("/greet", { schema }, (request) => ({ hello: request.body.name }));

await app.listen({ port: 3000 });
