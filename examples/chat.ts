/**
 * WebSockets: a chat room.
 *
 *     deno run -A mod.ts -w 1 -t 2 examples/chat.ts
 *
 * Threads share nothing, so what one hears it passes on to the others by BroadcastChannel; between
 * processes it would take something like Redis.
 */

const PAGE = `<!doctype html>
<title>Chat</title>
<form><input autofocus autocomplete="off"></form>
<ul id="list"></ul>
<script>
  const input = document.querySelector("input");
  const socket = new WebSocket(location.href.replace(/^http/, "ws") + "chat");
  socket.onmessage = ({ data }) => {
    list.prepend(Object.assign(document.createElement("li"), { textContent: data }));
  };
  document.querySelector("form").onsubmit = (event) => {
    event.preventDefault();
    socket.send(input.value);
    input.value = "";
  };
</script>
`;

/** A client that takes nothing is not waited for: it misses what does not fit. */
const MAX_BUFFERED_BYTES = 64 * 1024;

const sockets = new Set<WebSocket>();
const others = new BroadcastChannel("chat");
others.onmessage = ({ data }) => tell(data);

function tell(message: string): void {
  for (const socket of sockets) {
    if (socket.bufferedAmount < MAX_BUFFERED_BYTES) socket.send(message);
  }
}

function join(request: Request): Response {
  const { socket, response } = Deno.upgradeWebSocket(request);
  socket.onopen = () => sockets.add(socket);
  socket.onclose = () => sockets.delete(socket);
  socket.onmessage = ({ data }) => {
    if (typeof data !== "string") return socket.close(1003, "text only");
    tell(data);
    others.postMessage(data);
  };
  return response;
}

export default {
  fetch(request: Request): Response {
    switch (new URL(request.url).pathname) {
      case "/":
        return new Response(PAGE, { headers: { "content-type": "text/html;charset=UTF-8" } });
      case "/chat":
        return join(request);
      default:
        return new Response("Not found\n", { status: 404 });
    }
  },
} satisfies Deno.ServeDefaultExport;
