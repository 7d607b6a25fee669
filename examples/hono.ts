// deno-lint-ignore-file no-import-prefix -- an app of its own, with its dependencies named in it
/**
 * A Hono app: routes, JSON, middleware, and a WebSocket by Hono's own helper.
 *
 *     deno run -A mod.ts examples/hono.ts
 *     curl http://127.0.0.1:8000/hello/you
 */

import { Hono } from "npm:hono@4.13.19";
import { upgradeWebSocket } from "npm:hono@4.13.19/deno";
import { timing } from "npm:hono@4.13.19/timing";

const app = new Hono();

app.use(timing());

app.get("/", (c) => c.text("Hello from Hono\n"));

app.get("/hello/:name", (c) => c.json({ hello: c.req.param("name") }));

app.post("/sum", async (c) => {
  const numbers: number[] = await c.req.json();
  return c.json({ sum: numbers.reduce((sum, number) => sum + number, 0) });
});

app.get(
  "/echo",
  upgradeWebSocket(() => ({
    onMessage(event, socket) {
      socket.send(`you said: ${event.data}`);
    },
  })),
);

export default app;
