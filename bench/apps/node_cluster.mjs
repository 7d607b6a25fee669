// The same handlers on Node's own http and cluster: WORKERS processes on PORT serve the app CASE.
// Hono comes with its adapter for Node from the folder MODULES (see bench/peers.ts).
import cluster from "node:cluster";
import { createServer } from "node:http";
import { createRequire } from "node:module";

const { CASE, PORT, WORKERS, MODULES } = process.env;

const PAGE = Buffer.from("0123456789abcde\n".repeat(640));

const handlers = {
  hello(_request, response) {
    response.setHeader("content-type", "text/plain;charset=UTF-8").end("Hello, world!\n");
  },
  body(_request, response) {
    response.setHeader("content-type", "text/plain").end(PAGE);
  },
  echo(request, response) {
    const chunks = [];
    request.on("data", (chunk) => chunks.push(chunk));
    request.on("end", () => {
      const json = JSON.stringify(JSON.parse(Buffer.concat(chunks)));
      response.setHeader("content-type", "application/json").end(json);
    });
  },
};

function honoListener() {
  const require = createRequire(MODULES + "/");
  const { Hono } = require("hono");
  const { getRequestListener } = require("@hono/node-server");
  const app = new Hono();
  app.use(async (context, next) => {
    await next();
    context.header("x-served-by", "bench");
  });
  app.get("/", (context) => context.text("Hello, world!\n"));
  app.get("/users/:id", (context) => context.json({ id: context.req.param("id") }));
  app.get("/users/:id/posts/:post", (context) => context.json(context.req.param()));
  app.notFound((context) => context.json({ error: "not found" }, 404));
  return getRequestListener(app.fetch);
}

if (cluster.isPrimary) {
  for (let i = 0; i < Number(WORKERS); i++) cluster.fork();
  process.on("SIGTERM", () => process.exit(0)); // the workers end with their channel
} else {
  createServer(CASE === "hono" ? honoListener() : handlers[CASE]).listen(Number(PORT), "127.0.0.1");
}
