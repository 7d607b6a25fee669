/** A server of node:http with a route for each thing that a server of node:http can do. */

import http from "node:http";
import { Buffer } from "node:buffer";

/** What happened, for the tests to ask. */
export const events = [];

const routes = {
  "/line"(req, res) {
    const { method, url, httpVersion, rawHeaders, socket } = req;
    const { remoteAddress, remotePort, remoteFamily, localPort, encrypted } = socket;
    const peer = { remoteAddress, remotePort, remoteFamily, localPort, encrypted };
    res.end(JSON.stringify({ method, url, httpVersion, rawHeaders, peer }));
  },
  "/headers"(_req, res) {
    res.setHeader("X-One", "1").setHeader("X-Two", ["2a", "2b"]);
    res.appendHeader("Set-Cookie", "a=1").appendHeader("Set-Cookie", "b=2");
    res.removeHeader("x-one");
    events.push(`before ${res.headersSent} ${res.hasHeader("x-two")}`);
    res.writeHead(202, "Taken", { "X-Three": "3" });
    events.push(`after ${res.headersSent}`);
    res.end();
  },
  "/raw-headers"(_req, res) {
    res.writeHead(200, ["X-A", "1", "x-a", "2", "Connection", "close"]).end("raw");
  },
  "/pieces"(_req, res) {
    res.write("a");
    res.write(Buffer.from("b"));
    res.write("63", "hex");
    res.end("ZA==", "base64");
  },
  "/later"(_req, res) {
    res.flushHeaders();
    setImmediate(() => {
      res.write("later ");
      setImmediate(() => res.end("and later"));
    });
  },
  "/latin1"(_req, res) {
    res.setHeader("x-name", "caf\xe9");
    res.end("caf\xe9", "latin1");
  },
  "/binary"(_req, res) {
    res.end(Buffer.from([0, 255, 128, 10]));
  },
  "/chunked"(_req, res) {
    res.writeHead(200, { "Transfer-Encoding": "chunked", Trailer: "X-Sum" });
    res.write("framed ");
    res.addTrailers({ "X-Sum": "1" });
    res.end("by the server");
  },
  "/status"(req, res) {
    res.statusCode = Number(req.url.split("?")[1]);
    res.end("no body where none belongs");
  },
  "/informs"(_req, res) {
    res.writeContinue();
    res.writeEarlyHints({ link: "</style.css>; rel=preload" });
    res.end("informed");
  },
  "/lifecycle"(req, res) {
    for (const name of ["prefinish", "finish", "close"]) {
      res.on(name, () => events.push(`res ${name}`));
    }
    for (const name of ["end", "close", "aborted"]) {
      req.on(name, () => events.push(`req ${name}`));
    }
    req.resume();
    res.end("lived", () => events.push("end callback"));
  },
  "/hangs"(req, res) {
    req.on("aborted", () => events.push("req aborted"));
    req.on("error", (error) => events.push(`req error ${error.code}`));
    req.on("close", () => events.push(`req close ${req.destroyed}`));
    res.on("close", () => events.push(`res close ${res.writableFinished}`));
    req.socket.on("close", () => events.push("socket close"));
    events.emit("hangs");
  },
  "/fast"(req, res) {
    // Writes until it is told to wait, and says how much that was.
    const block = Buffer.alloc(16 * 1024, "x");
    let blocks = Number(req.url.split("?")[1]);
    let written = 0;
    const write = () => {
      while (blocks > 0) {
        blocks--;
        written += block.length;
        if (!res.write(block)) break;
      }
      events.push(`wrote ${written} needs drain ${res.writableNeedDrain}`);
      if (blocks === 0) res.end();
    };
    res.on("drain", () => {
      events.push(`drained ${res.writableNeedDrain}`);
      write();
    });
    res.on("close", () => events.push("closed"));
    write();
  },
  "/slow-reader"(req, res) {
    // Takes one chunk, and no more before it is told to.
    req.once("data", () => {
      req.pause();
      events.resume = () => req.resume();
      events.emit("paused");
    });
    req.on("end", () => res.end("all of it"));
    req.on("error", (error) => events.push(`upload failed: ${error.message}`));
  },
  async "/iterates"(req, res) {
    let text = "";
    for await (const chunk of req) text += chunk;
    res.end(
      JSON.stringify([req.method, req.headers["content-length"], text.length, text.slice(0, 9)]),
    );
  },
  "/early"(_req, res) {
    res.writeHead(413).end("too much");
  },
  "/throws"() {
    throw new RangeError("thrown by a listener");
  },
  "/hangs-up"(req) {
    req.socket.end();
  },
  "/writes-to-the-socket"(_req, res) {
    res.socket.end("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi");
  },
  "/hangs-up-later"(_req, res) {
    res.write("the first half");
    res.socket.end();
  },
  "/hangs-up-behind"(req, res) {
    res.end("whole", () => req.socket.end());
  },
  "/destroys"(_req, res) {
    res.destroy();
  },
  "/breaks"(_req, res) {
    res.write("the beginning");
    setImmediate(() => res.destroy(new Error("in the middle")));
  },
  "/odd-status"(req, res) {
    res.writeHead(Number(req.url.split("?")[1])).end("odd");
  },
  "/timeout"(_req, res) {
    res.setTimeout(10, () => {
      events.push("timeout");
      res.writeHead(504).end("my own timeout");
    });
  },
};

const waiting = new Map();
events.emit = (name) => waiting.get(name)?.();
/** Resolves when a route says so. */
events.when = (name) => new Promise((resolve) => waiting.set(name, resolve));

const server = http.createServer((req, res) => {
  const route = routes[req.url.split("?")[0]];
  if (route === undefined) res.writeHead(404).end();
  else route(req, res);
});
server.on("connection", (socket) => events.push(`connection from ${socket.remoteAddress}`));
server.on("listening", () => events.push(`listening ${JSON.stringify(server.address())}`));
server.listen({ port: 3000, host: "::" }, function () {
  events.push(`callback ${this === server} ${server.listening}`);
});

export { server };
