// deno-lint-ignore-file no-import-prefix -- an app beside deno.json, not a part of it
/** WebSockets as libraries for Node make them: `ws` on an Express app, and socket.io beside it. */

import http from "node:http";
import express from "npm:express@5.3.0";
import { Server as SocketIO } from "npm:socket.io@4.8.4";
import { WebSocketServer } from "npm:ws@8.23.0";

const app = express();
app.get("/", (_req, res) => res.send("beside sockets"));
app.get("/log", (_req, res) => res.json(log.splice(0)));

const log = [];
const server = http.createServer(app);

const echo = new WebSocketServer({
  noServer: true,
  handleProtocols: (protocols) => protocols.has("b") ? "b" : false,
});
echo.on("headers", (headers) => headers.push("X-From: ws"));
echo.on("connection", (socket, request) => {
  log.push(`open ${request.url} ${request.socket.remoteAddress}`);
  socket.on("message", (data, binary) => {
    const text = binary ? "" : data.toString();
    if (text === "ping") socket.ping("are you there");
    else if (text === "close") socket.close(4001, "as asked");
    else if (text === "terminate") socket.terminate();
    else if (text === "fragments") {
      socket.send("one ", { fin: false });
      socket.send("two", { fin: true });
    } else socket.send(data, { binary });
  });
  socket.on("pong", (data) => socket.send(`pong ${data}`));
  socket.on("close", (code, reason) => log.push(`close ${code} ${reason}`));
  socket.on("error", (error) => log.push(`error ${error.message}`));
  if (request.url === "/greets") socket.send("welcome");
});

server.on("upgrade", (request, socket, head) => {
  const { pathname } = new URL(request.url, "http://localhost");
  if (pathname === "/echo" || pathname === "/greets") {
    echo.handleUpgrade(request, socket, head, (client) => echo.emit("connection", client, request));
  } else if (pathname === "/private") {
    socket.write("HTTP/1.1 401 Unauthorized\r\nX-Why: ask first\r\n\r\n");
    socket.destroy();
  } else if (!pathname.startsWith("/socket.io/")) {
    socket.end("HTTP/1.1 403 Forbidden\r\nX-Why: not here\r\nContent-Length: 4\r\n\r\nnope");
  }
});

new SocketIO(server).on("connection", (socket) => {
  socket.on("echo", (value, answer) => answer(value));
});

server.listen(3000);
