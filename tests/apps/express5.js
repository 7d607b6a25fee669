// deno-lint-ignore-file no-import-prefix -- an app beside deno.json, not a part of it
/** An Express 5 app as people write it: it knows nothing of denicorn. */

import compression from "npm:compression@1.8.2";
import express from "npm:express@5.3.0";
import multer from "npm:multer@2.5.0";
import { Readable } from "node:stream";
import { createReadStream } from "node:fs";

const app = express();
const upload = multer({ storage: multer.memoryStorage() });

app.use("/compressed", compression({ threshold: 0 }));
app.use("/files", express.static(new URL(".", import.meta.url).pathname));

app.get("/", (_req, res) => res.send("Hello from Express"));
app.get("/json", (req, res) => res.json({ query: req.query, ip: req.ip, secure: req.secure }));
app.get("/cookies", (_req, res) => {
  res.cookie("a", "1").cookie("b", "2", { httpOnly: true }).status(201).end();
});
app.get("/redirect", (_req, res) => res.redirect("/json?from=redirect"));
app.get("/empty", (_req, res) => res.sendStatus(204));
app.get("/compressed", (_req, res) => res.type("text").send("squeeze ".repeat(1000)));
app.get("/throws", () => {
  throw new Error("thrown in a route");
});
app.get("/rejects", () => Promise.reject(new Error("rejected in a route")));
app.get("/stream", (_req, res) => {
  res.type("text");
  Readable.from((function* () {
    for (let i = 0; i < 100; i++) yield `line ${i}\n`;
  })()).pipe(res);
});
app.get("/file", (_req, res) => {
  createReadStream(new URL(import.meta.url).pathname).pipe(res);
});
app.get("/breaks", (_req, res) => {
  res.write("the beginning");
  setImmediate(() => res.destroy(new Error("in the middle")));
});
app.get("/events", (req, res) => {
  res.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-cache" });
  res.flushHeaders();
  let n = 0;
  const timer = setInterval(() => res.write(`data: ${n++}\n\n`), 5);
  req.on("close", () => {
    clearInterval(timer);
    closed.push("events");
  });
});
app.post("/json", express.json(), (req, res) => res.json({ got: req.body }));
app.post("/form", express.urlencoded({ extended: false }), (req, res) => res.json(req.body));
app.post("/upload", upload.single("file"), (req, res) => {
  res.json({ name: req.file.originalname, size: req.file.size, field: req.body.field });
});
app.post("/count", async (req, res) => {
  let bytes = 0;
  for await (const chunk of req) bytes += chunk.length;
  res.send(`${bytes}`);
});
app.post("/echo", (req, res) => req.pipe(res));
app.get("/closed", (_req, res) => res.json(closed));

const closed = [];

app.listen(3000, () => console.log("express listens"));
