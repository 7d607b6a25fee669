// deno-lint-ignore-file no-import-prefix -- an app beside deno.json, not a part of it
/** Hono on its adapter for Node. */

import { serve } from "npm:@hono/node-server@2.1.8";
import { Hono } from "hono";

const app = new Hono();
app.get("/", (c) => c.text("Hello from Hono on node:http"));
app.post("/echo", async (c) => c.json({ got: await c.req.json() }));

serve({ fetch: app.fetch, port: 3000 });
