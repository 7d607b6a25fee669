// deno-lint-ignore-file no-import-prefix -- an app of its own, with its dependencies named in it
/**
 * An Express app that knows nothing of denicorn: its listen() is taken over, and its port is not
 * bound.
 *
 *     deno run -A mod.ts -w 2 -t 2 examples/express.js
 *     curl -F file=@README.md http://127.0.0.1:8000/upload
 */

import express from "npm:express@5.3.0";
import multer from "npm:multer@2.5.0";

const app = express();
const upload = multer({ storage: multer.memoryStorage(), limits: { fileSize: 10 * 1024 * 1024 } });

app.get("/", (_req, res) => {
  res.send("Hello from Express\n");
});

app.post("/json", express.json(), (req, res) => {
  res.json({ you_sent: req.body, from: req.ip });
});

app.post("/upload", upload.single("file"), (req, res) => {
  res.json({ name: req.file.originalname, bytes: req.file.size });
});

app.listen(3000, () => console.log("Express is ready"));
