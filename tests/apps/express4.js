// deno-lint-ignore-file no-import-prefix -- an app beside deno.json, not a part of it
/** An Express 4 app that exports itself. */

import express from "npm:express@4.21.2";

const app = express();
app.use(express.json());
app.get("/", (_req, res) => res.send("Hello from Express 4"));
app.post("/json", (req, res) => res.json({ got: req.body }));

export default app;
